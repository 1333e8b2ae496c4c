import { countedBeside, countedWaves, totalOf } from "./counts.ts";
import type { PartPlan } from "./drive-state.ts";
import type { Event } from "./event.ts";
import { keepFormers } from "./former.ts";
import { assertNotFrozen } from "./freeze.ts";
import { freezeNow } from "./freeze-look.ts";
import { assertLegal } from "./legality.ts";
import { newLane } from "./new-lane.ts";
import { toldBy } from "./notification.ts";
import { waveOf } from "./parts.ts";
import { progressOf } from "./progress.ts";
import type { Part, Place, RolloutState, WaveCount } from "./state.ts";
import { PLAN_KEY, partKey, TALLIES_KEY } from "./state-keys.ts";
import { takesOver } from "./taken-over.ts";
import { keep, storeCopies, takeOver } from "./taken-over-copies.ts";
import { merge, stageTakenOver } from "./taken-over-merge.ts";
import { type Tallies, tallyOf } from "./tally.ts";
import type { Turn } from "./turn.ts";

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
  const overrides = assertNotFrozen("Rollout", freezeNow(turn), turn.nowMs, event);
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
  // The number of a lane that is still there is not given again.
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
    ...(event.limits === undefined ? {} : { limits: event.limits }),
    ...countedBeside(tallies),
  };
  turn.drive = {
    rolloutId: event.rolloutId,
    revision: 0,
    forward: {
      invocationId: event.invocationId,
      lane,
      startedAtMs: nowMs,
      firstWave: 0,
      ...(overrides === undefined ? {} : { overrides }),
    },
    lanes: { [lane]: { ...newLane("forward"), invocationId: event.invocationId } },
    nextLane: lane + 1,
    window: 1,
    hungry: [],
    ...(taken === undefined ? {} : { again: true }),
    ...(overrides === undefined ? {} : { mayBeFrozen: true }),
  };
  turn.watch = event.invocationId;
  writeFormer();
  turn.book.set(PLAN_KEY, plan);
  turn.book.set(TALLIES_KEY, tallies);
  for (const [at, part] of placed) turn.book.set(partKey(at), part);
  if (taken !== undefined) keep(turn, taken);
  const progress = progressOf(turn.rollout, nowMs);
  const told = toldBy({ operator: event.startedBy, comment: event.comment });
  turn.notifications.push({ kind: "started", progress, waveSizes: waves.map(({ size }) => size), ...told });
  turn.notifications.push({ kind: "wave started", progress });
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
