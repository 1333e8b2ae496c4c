import { countedWaves, hasBegun, sumOf, totalOf } from "./counts.ts";
import type { Drive, Driver, PartPlan, Retries } from "./drive-state.ts";
import type { Asked, Event } from "./event.ts";
import { assertNotFrozen } from "./freeze.ts";
import { freezeNow, frozenBetweenWaves } from "./freeze-look.ts";
import { assertMeant, type Guarded } from "./guard.ts";
import { acknowledge, exceeded, isBudgeted, stoppedInside, windowOf } from "./limits.ts";
import { newLane } from "./new-lane.ts";
import { resumeScope } from "./next-steps.ts";
import { soakOrAdvance } from "./next-wave.ts";
import { type Notification, toldBy } from "./notification.ts";
import { waveOf } from "./parts.ts";
import { endForward, pause } from "./pause.ts";
import { flyingOf, inFlightOf, lanesOf, numbersOf, plural, progressOf, remaining } from "./progress.ts";
import { closeQueue, openQueue } from "./queue.ts";
import { recordPending } from "./record.ts";
import { acknowledgedRegressions, tooManyRegressed } from "./regressions.ts";
import { nameOthers } from "./retries.ts";
import { firstWaveOf, soakFrom, soakMsOf } from "./soak.ts";
import type { RolloutState, WaveCount } from "./state.ts";
import { PLAN_KEY, TALLIES_KEY } from "./state-keys.ts";
import type { Turn } from "./turn.ts";

export function resume(turn: Turn, { invocationId, ...guarded }: Event & { type: "resume" }): void {
  const before = assertMeant("Resume", turn.rollout, guarded);
  const overrides = assertNotFrozen("Resume", freezeNow(turn), turn.nowMs, guarded);
  turn.drive ??= strandedDrive(before);
  // The pause was cut short.
  endForward(turn);
  const found = turn.driving().rollout;
  turn.unpause("in_progress", { ...acknowledge(found), ...acknowledgedRegressions(found) });
  const { rollout, drive } = turn.driving();
  const scope = resumeScope(rollout);
  const progress = progressOf(rollout, turn.nowMs);
  turn.notifications.push({ kind: "resumed", progress, resume: scope, ...toldBy(guarded) });
  const lane = drive.nextLane++;
  drive.forward = {
    invocationId,
    lane,
    startedAtMs: turn.nowMs,
    firstWave: rollout.currentWave,
    ...(overrides === undefined ? {} : { overrides }),
  };
  drive.lanes[lane] = { ...newLane("forward"), invocationId };
  // An interrupted wave is finished first: no sentinel is ever skipped silently.
  if (scope.left === 0) soakOrAdvance(turn);
  if (drive.forward === undefined) return;
  drive.forward.firstWave = firstWaveOf(turn.driving().rollout);
  turn.watch = invocationId;
}

/** No drive that was lost has as many lanes, or has told the history as often: what is left of it counts as older. */
const PAST_ALL = 1_000_000;

/** A rollout whose drive was lost before it was stored, or whose key somebody has cleared. */
export function strandedDrive(rollout: RolloutState): Drive {
  const { rolloutId } = rollout;
  const wasLost = hasBegun(rollout);
  const before = wasLost ? PAST_ALL : 0;
  return {
    ...{ rolloutId, revision: before, lanes: {}, nextLane: before + 1, window: 1, hungry: [] },
    ...(wasLost ? { lost: true } : {}),
    mayBeFrozen: true,
  };
}

export function cancel(turn: Turn, asked: Guarded & Asked = {}): void {
  const before = assertMeant("Cancel", turn.rollout, asked);
  turn.drive ??= strandedDrive(before);
  stopHere(turn, asked);
}

/** An operator cancels, or aborts. */
export function stopHere(turn: Turn, asked: Asked, aborts = false): void {
  turn.unpause("cancelled");
  const { rollout, drive } = turn.driving();
  if (drive.forward !== undefined) turn.ringLegacy(drive.forward);
  const { inFlight } = numbersOf(rollout, drive);
  // The rollback that follows an Abort counts them itself.
  if (inFlight > 0 && !aborts) drive.settles = 0;
  const progress = progressOf(rollout, turn.nowMs, drive);
  turn.notifications.push({
    kind: "cancelled",
    progress,
    inFlight,
    ...(aborts ? { aborts } : {}),
    ...toldBy(asked),
  });
}

/** The driver begins a wave, once all of it is in the state. @returns false while parts of it are missing */
export function openWave(turn: Turn, { wave, window }: { wave: number; window: number }): boolean {
  const { rollout, drive } = turn.driving();
  const { forward } = drive;
  if (rollout.state !== "in_progress" || forward === undefined || wave !== rollout.currentWave) return true;
  if (forward.openedWave === wave) return true;
  if (forward.retries === undefined) {
    if (!isLoaded(turn, wave)) return false;
    countSizes(turn);
  }
  forward.openedWave = wave;
  drive.window = windowOf(rollout.limits, window);
  if (rollout.limits?.ramp) drive.ramp = { places: 1, succeeded: 0 };
  openQueue(turn);
  return true;
}

/** What is in the parts counts: the fleet may have changed a little since the waves were planned. */
function countSizes(turn: Turn): void {
  const { rollout } = turn.driving();
  const tallies = turn.tallies();
  const plan = turn.book.get<PartPlan[]>(PLAN_KEY) ?? [];
  const sizes = rollout.waves.map(({ size }, i) => {
    const places = plan.filter(({ at }) => waveOf(at) === i);
    if (places.some(({ at }) => tallies[at] === undefined)) return size;
    return places.reduce((sum, { at }) => sum + (tallies[at]?.[0] ?? 0), 0);
  });
  const waves = countedWaves(rollout.waves, tallies).map((count, i) => ({ ...count, size: sizes[i] ?? 0 }));
  turn.become({ waves, totalSentinels: totalOf(waves) });
}

/** Are all parts up to this wave (0-based) in the state? */
export function isLoaded(turn: Turn, wave: number): boolean {
  turn.book.need([TALLIES_KEY, PLAN_KEY]);
  const tallies = turn.tallies();
  const plan = turn.book.get<PartPlan[]>(PLAN_KEY) ?? [];
  return plan.length > 0 && plan.every(({ at }) => waveOf(at) > wave || tallies[at] !== undefined);
}

/** How many are still to be launched: of the wave, or of those that are deployed again. */
export function leftToDeploy({ rollout, drive }: Turn): number {
  if (rollout === undefined) return 0;
  const lanes = lanesOf(drive, "forward");
  const { retries } = drive?.forward ?? {};
  if (retries !== undefined) return retries.total - retries.settled - inFlightOf(lanes);
  const pending = lanes.reduce((sum, lane) => sum + lane.succeeded + lane.failed + lane.skipped, 0);
  return remaining(rollout) - pending - inFlightOf(lanes);
}

/** What follows from nothing being in flight any more: the end of a wave, of a pause, or of a cancelled drive. */
export function concludeForward(turn: Turn): void {
  const { rollout, drive } = turn.driving();
  const { forward } = drive;
  if (forward === undefined) return;
  const lanes = lanesOf(drive, "forward");
  // While it is in progress, what was granted may still be launched by a lane that answers again; later it is not.
  if ((rollout.state === "in_progress" ? inFlightOf(lanes) : flyingOf(lanes)) > 0) return;
  if (rollout.state !== "in_progress") endForward(turn);
  else if (forward.stopping !== undefined) stopped(turn, forward);
  // Its end is an event of its own.
  else if (rollout.soakUntilMs !== undefined) return;
  else if (forward.openedWave !== rollout.currentWave || drive.queue !== undefined) return;
  else if (forward.retries === undefined) endWave(turn);
  else endRetries(turn, forward.retries);
}

/** What was launched before the stop has settled. */
function stopped(turn: Turn, { stopping = "", stoppingKind, openedWave, retries }: Driver): void {
  recordPending(turn);
  const { rollout } = turn.driving();
  const over = exceeded(rollout, undefined);
  const broke = stoppingKind === "regression" ? stopping : tooManyRegressed(rollout);
  if (stoppingKind === undefined) pause(turn, "interrupted", stopping);
  else if (broke !== undefined) pause(turn, "regression", `${placeOf(rollout)}: ${broke}`);
  else if (rollout.soakUntilMs !== undefined) pause(turn, stoppingKind, stopping);
  else if (retries !== undefined) {
    pause(turn, stoppingKind, stoppingKind !== "operator" ? `${placeOf(rollout)}: ${stopping}` : stopping);
  } else if (openedWave === rollout.currentWave && remaining(rollout) === 0) endWave(turn, stopping);
  else if (over !== undefined) pause(turn, "budget", stoppedInside(rollout, over));
  else pause(turn, "operator", stopping);
}

/** @param stopping why an operator has it pause before the next wave; absent: it goes on */
function endWave(turn: Turn, stopping?: string): void {
  recordPending(turn);
  const { rollout } = turn.driving();
  const wave = rollout.waves[rollout.currentWave];
  const over = exceeded(rollout, undefined);
  if (wave === undefined || remaining(rollout) > 0) {
    pause(turn, "interrupted", "results of the wave were lost");
  } else if (over !== undefined) {
    pause(turn, "budget", `${placeOf(rollout)}: ${over}`);
  } else if (wave.failed > 0 && !isBudgeted(rollout)) {
    const failed = `${wave.failed} of ${plural(wave.size, "sentinel")} failed`;
    pause(turn, "failure", `${placeOf(rollout)}: ${failed}`);
  } else {
    turn.notifications.push(waveCompleted(turn, wave, stopping === undefined));
    const soaks = soakMsOf(rollout) > 0;
    const endsRollout = !soaks && rollout.currentWave + 1 >= rollout.waves.length;
    const frozen = endsRollout || soaks ? undefined : frozenBetweenWaves(turn);
    if (stopping !== undefined && !endsRollout) pause(turn, "operator", stopping);
    else if (frozen !== undefined) pause(turn, "freeze", frozen);
    else soakOrAdvance(turn);
  }
}

function waveCompleted(turn: Turn, { failed }: WaveCount, goesOn: boolean): Notification {
  const { rollout } = turn.driving();
  const soak = goesOn ? soakFrom(rollout, turn.nowMs) : undefined;
  const { all: regressed } = rollout.regressions ?? {};
  return {
    kind: "wave completed",
    progress: progressOf(rollout, turn.nowMs),
    ...(isBudgeted(rollout) && failed > 0 ? { failed } : {}),
    ...(soak === undefined ? {} : { soak }),
    ...(regressed === undefined ? {} : { regressed }),
  };
}

/** All that were deployed again have their results. */
function endRetries(turn: Turn, { resume }: Retries): void {
  recordPending(turn);
  const { rollout, drive } = turn.driving();
  const { size = 0, failed = 0 } = rollout.waves[rollout.currentWave] ?? {};
  if (failed > 0) {
    pause(turn, "failure", `${placeOf(rollout)}: ${failed} of ${plural(size, "sentinel")} failed`);
    return;
  }
  if (!resume) {
    const others = sumOf(rollout, "failed");
    const rest = others === 0 ? "" : `, ${others} of earlier waves ${others === 1 ? "is" : "are"}`;
    pause(turn, "operator", `${placeOf(rollout)}: none of it is failed any more${rest}`);
    return;
  }
  nameOthers(turn);
  closeQueue(turn);
  delete drive.ramp;
  const { retries: _, openedWave: __, ...driver } = drive.forward as Driver;
  drive.forward = driver;
  // Budgets count anew, as after a Resume.
  turn.become(acknowledge(rollout));
  if (remaining(rollout) === 0) endWave(turn);
  if (drive.forward === undefined) return;
  Object.assign(drive.forward, { startedAtMs: turn.nowMs, firstWave: firstWaveOf(turn.driving().rollout) });
}

function placeOf({ currentWave, waves }: RolloutState): string {
  return `wave ${currentWave + 1}/${waves.length}`;
}
