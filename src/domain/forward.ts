import type { Drive, PartPlan } from "./drive-state.ts";
import type { Event } from "./event.ts";
import { keepFormers } from "./former.ts";
import { assertMeant, type Guarded } from "./guard.ts";
import { dropLanes } from "./lanes.ts";
import { assertLegal } from "./legality.ts";
import { newLane } from "./new-lane.ts";
import { resumeScope, rollbackScope } from "./next-steps.ts";
import {
  countedBeside,
  countedWaves,
  PLAN_KEY,
  partKey,
  TALLIES_KEY,
  type Tallies,
  tallyOf,
  totalOf,
  waveOf,
} from "./parts.ts";
import { flyingOf, inFlightOf, lanesOf, numbersOf, plural, progressOf, remaining } from "./progress.ts";
import { closeQueue, openQueue } from "./queue.ts";
import { recordPending } from "./record.ts";
import type { Failure, Part, Place, RolloutState, WaveCount } from "./state.ts";
import { keep, merge, stageTakenOver, storeCopies, takeOver, takesOver } from "./taken-over.ts";
import type { Turn } from "./turn.ts";

/** A message to Slack names this many failing sentinels. */
export const FAILURES_IN_A_MESSAGE = 5;

/** From the request to the beginning of a rollout it takes no longer than this (ms). */
const LONGEST_PLANNING_MS = 120_000;

/** The request is so old that its caller has gone: it must not begin anything by itself. */
export class StaleRequestError extends Error {
  constructor(agoMs: number) {
    super(
      `It was asked for ${Math.round(agoMs / 1000)} s ago and could not begin since; nothing was changed, and nothing will start by itself: ask again.`,
    );
    this.name = "StaleRequestError";
  }
}

export function begin(turn: Turn, event: Event & { type: "begin" }): void {
  assertLegal("Rollout", turn.rollout);
  if (turn.nowMs - event.askedMs > LONGEST_PLANNING_MS)
    throw new StaleRequestError(turn.nowMs - event.askedMs);
  const writeFormer = keepFormers(turn);
  const taken = takesOver(turn.rollout, event.image) ? takeOver(turn, event.rolloutId) : undefined;
  if (taken !== undefined) turn.first.push(...storeCopies(taken));
  // Whatever version 0.1 stored of its own rollout is not worth storing anew.
  turn.book.discard();
  const { plan, parts, nowMs } = { ...event, nowMs: turn.nowMs };
  const placed = parts.map((part, i): [Place, Part] => {
    const at = plan[i]?.at ?? "";
    return [at, taken === undefined ? part : merge(turn, taken, at, part, event.image).part];
  });
  const tallies: Tallies = Object.fromEntries(placed.map(([at, part]) => [at, tallyOf(part)]));
  Object.assign(tallies, taken?.tallies);
  const waves = countedWaves(plannedWaves(plan), tallies);
  // No lane has the number of one that is still there.
  const lane = turn.drive?.nextLane ?? 1;
  turn.rollout = {
    rolloutId: event.rolloutId,
    state: "in_progress",
    image: event.image,
    wavePercentages: event.wavePercentages,
    waves,
    currentWave: 0,
    totalSentinels: totalOf(waves),
    failures: [],
    skips: [],
    startedAtMs: nowMs,
    waveStartedAtMs: nowMs,
    sinceMs: nowMs,
    pauseReason: "",
    ...countedBeside(tallies),
  };
  turn.drive = {
    rolloutId: event.rolloutId,
    revision: 0,
    forward: { invocationId: event.invocationId, lane, startedAtMs: nowMs, firstWave: 0 },
    lanes: { [lane]: { ...newLane("forward"), invocationId: event.invocationId } },
    nextLane: lane + 1,
    window: 1,
    hungry: [],
    ...(taken === undefined ? {} : { again: true }),
  };
  turn.watch = event.invocationId;
  writeFormer();
  turn.book.set(PLAN_KEY, plan);
  turn.book.set(TALLIES_KEY, tallies);
  for (const [at, part] of placed) turn.book.set(partKey(at), part);
  if (taken !== undefined) keep(turn, taken);
  const progress = progressOf(turn.rollout, nowMs);
  turn.changes.push({ kind: "started", progress, waveSizes: waves.map(({ size }) => size) });
  turn.changes.push({ kind: "wave started", progress });
}

function plannedWaves(plan: readonly PartPlan[]): WaveCount[] {
  const sizes: number[] = [];
  for (const { at, size } of plan) sizes[waveOf(at)] = (sizes[waveOf(at)] ?? 0) + size;
  return sizes.map((size) => ({ size, succeeded: 0, failed: 0, skipped: 0, reverted: 0 }));
}

/** One more part of the fleet has been read. `again`: it is not whole yet. */
export function stage(turn: Turn, event: Event & { type: "stage" }): "refused" | "staged" | "again" {
  const { rollout, drive } = turn;
  if (rollout?.rolloutId !== event.rolloutId || drive === undefined || !mayLoad(rollout)) return "refused";
  if (turn.tallies()[event.at] !== undefined) return "staged";
  return stageTakenOver(turn, event) ? "staged" : "again";
}

function mayLoad({ state }: RolloutState): boolean {
  return state === "in_progress" || state === "paused";
}

export function resume(turn: Turn, { invocationId, ...guarded }: Event & { type: "resume" }): void {
  const before = assertMeant("Resume", turn.rollout, guarded);
  turn.drive ??= strandedDrive(before);
  // The pause was cut short.
  endForward(turn);
  turn.become({ state: "in_progress", pauseReason: "" });
  const { rollout, drive } = turn.driving();
  const scope = resumeScope(rollout);
  turn.changes.push({ kind: "resumed", progress: progressOf(rollout, turn.nowMs), resume: scope });
  const lane = drive.nextLane++;
  drive.forward = { invocationId, lane, startedAtMs: turn.nowMs, firstWave: rollout.currentWave };
  drive.lanes[lane] = { ...newLane("forward"), invocationId };
  // An interrupted wave is finished first: no sentinel is ever skipped silently.
  if (scope.left === 0) advance(turn);
  if (drive.forward === undefined) return;
  drive.forward.firstWave = turn.driving().rollout.currentWave;
  turn.watch = invocationId;
}

/** A rollout whose drive was lost before it was stored. */
export function strandedDrive({ rolloutId }: RolloutState): Drive {
  return { rolloutId, revision: 0, lanes: {}, nextLane: 1, window: 1, hungry: [] };
}

export function cancel(turn: Turn, guarded: Guarded = {}): void {
  const before = assertMeant("Cancel", turn.rollout, guarded);
  turn.drive ??= strandedDrive(before);
  turn.become({ state: "cancelled", pauseReason: "" });
  const { rollout, drive } = turn.driving();
  if (drive.forward !== undefined) turn.ringLegacy(drive.forward);
  const { inFlight } = numbersOf(rollout, drive);
  if (inFlight > 0) drive.settles = 0;
  turn.changes.push({ kind: "cancelled", progress: progressOf(rollout, turn.nowMs, drive), inFlight });
}

/** The driver begins a wave, once all of it is in the state. @returns false while parts of it are missing */
export function openWave(turn: Turn, { wave, window }: { wave: number; window: number }): boolean {
  const { rollout, drive } = turn.driving();
  const { forward } = drive;
  if (rollout.state !== "in_progress" || forward === undefined || wave !== rollout.currentWave) return true;
  if (forward.openedWave === wave) return true;
  if (!isLoaded(turn, wave)) return false;
  const tallies = turn.tallies();
  const plan = turn.book.get<PartPlan[]>(PLAN_KEY) ?? [];
  // What is in the parts counts: the fleet may have changed a little since the waves were planned.
  const sizes = rollout.waves.map(({ size }, i) => {
    const places = plan.filter(({ at }) => waveOf(at) === i);
    if (places.some(({ at }) => tallies[at] === undefined)) return size;
    return places.reduce((sum, { at }) => sum + (tallies[at]?.[0] ?? 0), 0);
  });
  const waves = countedWaves(rollout.waves, tallies).map((count, i) => ({ ...count, size: sizes[i] ?? 0 }));
  turn.become({ waves, totalSentinels: totalOf(waves) });
  forward.openedWave = wave;
  drive.window = window;
  openQueue(turn);
  return true;
}

/** Are all parts up to this wave (0-based) in the state? */
export function isLoaded(turn: Turn, wave: number): boolean {
  const tallies = turn.tallies();
  const plan = turn.book.get<PartPlan[]>(PLAN_KEY) ?? [];
  return plan.length > 0 && plan.every(({ at }) => waveOf(at) > wave || tallies[at] !== undefined);
}

export function leftOfWave({ rollout, drive }: Turn): number {
  if (rollout === undefined) return 0;
  const lanes = lanesOf(drive, "forward");
  const pending = lanes.reduce((sum, lane) => sum + lane.succeeded + lane.failed + lane.skipped, 0);
  return remaining(rollout) - pending - inFlightOf(lanes);
}

/** What follows from nothing being in flight any more: the end of a wave, of a pause, or of a cancelled drive. */
export function settleForward(turn: Turn): void {
  const { rollout, drive } = turn.driving();
  const { forward } = drive;
  if (forward === undefined) return;
  const lanes = lanesOf(drive, "forward");
  // While it is in progress, what was granted may still be launched by a lane that answers again; later it is not.
  if ((rollout.state === "in_progress" ? inFlightOf(lanes) : flyingOf(lanes)) > 0) return;
  if (rollout.state !== "in_progress") endForward(turn);
  else if (forward.stopping !== undefined) pause(turn, forward.stopping);
  else if (forward.openedWave === rollout.currentWave && drive.queue === undefined) endWave(turn);
}

function endWave(turn: Turn): void {
  recordPending(turn);
  const { rollout } = turn.driving();
  const wave = rollout.waves[rollout.currentWave];
  if (wave === undefined || remaining(rollout) > 0) {
    pause(turn, "results of the wave were lost");
  } else if (wave.failed > 0) {
    const of = `wave ${rollout.currentWave + 1}/${rollout.waves.length}`;
    pause(turn, `${of}: ${wave.failed} of ${plural(wave.size, "sentinel")} failed`);
  } else {
    turn.changes.push({ kind: "wave completed", progress: progressOf(rollout, turn.nowMs) });
    advance(turn);
  }
}

function advance(turn: Turn): void {
  const { rollout, drive } = turn.driving();
  closeQueue(turn);
  if (rollout.currentWave + 1 >= rollout.waves.length) {
    turn.become({ state: "completed" });
    const done = turn.driving().rollout;
    turn.changes.push({
      kind: "completed",
      progress: progressOf(done, turn.nowMs),
      failures: shownFailures(done),
    });
    endForward(turn);
    return;
  }
  // All of it has its result.
  delete drive.lost;
  const driver = drive.forward?.lane;
  dropLanes(turn, (lane, n) => lane.of === "forward" && n !== driver);
  turn.become({ currentWave: rollout.currentWave + 1, waveStartedAtMs: turn.nowMs });
  turn.changes.push({ kind: "wave started", progress: progressOf(turn.driving().rollout, turn.nowMs) });
}

export function pause(turn: Turn, reason: string): void {
  recordPending(turn);
  turn.become({ state: "paused", pauseReason: reason });
  const { rollout } = turn.driving();
  turn.changes.push({
    kind: "paused",
    progress: progressOf(rollout, turn.nowMs),
    reason,
    failures: shownFailures(rollout),
    resume: resumeScope(rollout),
    rollback: rollbackScope(rollout, turn.drive),
  });
  endForward(turn);
}

/**
 * Nobody drives forward any more; the driver is told, and whoever waits for its lanes.
 * @param why nobody will hear of what is still in flight
 */
export function endForward(turn: Turn, why?: string): void {
  const { rollout, drive } = turn.driving();
  const { forward } = drive;
  if (forward === undefined) return;
  recordPending(turn);
  dropLanes(turn, ({ of }) => of === "forward");
  delete drive.forward;
  tellSettled(turn, why ?? forward.stopping ?? "a part of its drive does not answer");
  if (drive.rollback !== undefined) turn.ringLegacy(drive.rollback);
  if (rollout.state !== "rolling_back") closeQueue(turn);
}

/** The count that the Cancel could not tell yet. A rollback that has begun since tells its own. */
function tellSettled(turn: Turn, why: string): void {
  const { rollout, drive } = turn.driving();
  const { settles: lost } = drive;
  delete drive.settles;
  if (lost === undefined || rollout.state !== "cancelled") return;
  turn.changes.push({
    kind: "settled",
    progress: progressOf(rollout, turn.nowMs, drive),
    ...(lost === 0 ? { lost } : { lost, why }),
  });
}

export function shownFailures(rollout: RolloutState): Failure[] {
  return rollout.failures.slice(-FAILURES_IN_A_MESSAGE);
}
