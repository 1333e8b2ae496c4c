import { sumOf } from "./counts.ts";
import type { Drive, Lane } from "./drive-state.ts";
import type { Progress } from "./notification.ts";
import type { RolloutState } from "./state.ts";

/**
 * Counts the sentinels as they are now: succeeded + failed + skipped + inFlight + waiting = total. A sentinel that is being
 * reverted counts as in flight, not as succeeded. Once a RollbackAll has begun, taken-over sentinels count too. So do those
 * that failed or were skipped in this rollout after an earlier one deployed them: they are reverted, so they are not failed.
 */
export interface Numbers {
  total: number;
  /** All that took the image, those that are being reverted, or were, included. */
  took: number;
  succeeded: number;
  failed: number;
  skipped: number;
  reverted: number;
  inFlight: number;
  waiting: number;
}

/** Counts what was launched, or is granted, and has no result yet. */
export function inFlightOf(lanes: readonly Lane[]): number {
  return lanes.reduce((sum, { out, launching }) => sum + out + launching, 0);
}

/** The same as operators are told it: a lane that does not answer launches nothing of its grant. */
export function flyingOf(lanes: readonly Lane[]): number {
  return lanes.reduce((sum, { out, launching, silent }) => sum + out + (silent ? 0 : launching), 0);
}

/** Counts those in flight that an earlier rollout of the image may have deployed. */
export function againFlyingOf(lanes: readonly Lane[]): number {
  return lanes.reduce(
    (sum, { againOut = 0, againLaunching = 0, silent }) => sum + againOut + (silent ? 0 : againLaunching),
    0,
  );
}

/** Counts those in flight in a rollback that are not known to have taken the image. */
function unrecordedFlyingOf(lanes: readonly Lane[]): number {
  return lanes.reduce(
    (sum, { unrecordedOut = 0, unrecordedLaunching = 0, silent }) =>
      sum + unrecordedOut + (silent ? 0 : unrecordedLaunching),
    0,
  );
}

/** Counts those in flight that failed and are deployed again. */
export function retryFlyingOf(lanes: readonly Lane[]): number {
  return lanes.reduce(
    (sum, { retryOut = 0, retryLaunching = 0, silent }) => sum + retryOut + (silent ? 0 : retryLaunching),
    0,
  );
}

/** Counts those in flight that failed, are deployed again, and were deployed by an earlier rollout of the image. */
export function leftOverFlyingOf(lanes: readonly Lane[]): number {
  return lanes.reduce(
    (sum, { leftOverOut = 0, leftOverLaunching = 0, silent }) =>
      sum + leftOverOut + (silent ? 0 : leftOverLaunching),
    0,
  );
}

/** Counts results of retries that are not recorded yet. */
export function retryDoneOf(lanes: readonly Lane[]): number {
  return lanes.reduce((sum, { retryDone = 0 }) => sum + retryDone, 0);
}

/** Counts results of a lane that are not recorded yet. */
export function pendingOf(lane: Lane): number {
  const { succeeded, failed, skipped, reverted, stays, earlierReverted, earlierStays } = lane;
  const { leftOverReverted = 0, leftOverStays = 0 } = lane;
  const earlier = lane.earlierTook + earlierReverted + earlierStays + leftOverReverted + leftOverStays;
  return succeeded + failed + skipped + reverted + stays + earlier;
}

export function lanesOf(drive: Drive | undefined, of?: Lane["of"]): Lane[] {
  const lanes = Object.values(drive?.lanes ?? {});
  return of === undefined ? lanes : lanes.filter((lane) => lane.of === of);
}

/** @param drive of this rollout */
export function numbersOf(rollout: RolloutState, drive: Drive | undefined): Numbers {
  const lanes = lanesOf(drive);
  const pending = (what: "succeeded" | "failed" | "skipped" | "reverted") =>
    lanes.reduce((sum, lane) => sum + lane[what], 0);
  const taken = takenAlong(rollout, lanes);
  const total = rollout.totalSentinels + taken.total;
  // After a change that was cut short the head may count already what the drive has still pending, or in flight.
  const counted = (what: "succeeded" | "failed" | "skipped" | "reverted", most: number, more = 0) =>
    Math.max(0, Math.min(sumOf(rollout, what) + pending(what) + more, most));
  const back = lanesOf(drive, "rollback");
  const failedToo = failedToRevert(rollout, lanes);
  // A sentinel that is deployed again is not failed meanwhile; its result counts instead.
  const again = retryFlyingOf(lanes) + retryDoneOf(lanes);
  const failed = counted("failed", total, -taken.failed - failedToo - again);
  const skipped = counted("skipped", total - failed, -taken.skipped);
  const took = counted("succeeded", total - failed - skipped, taken.took + failedToo);
  const reverted = counted("reverted", took, taken.reverted);
  const succeeded = Math.max(reverted, took - flyingOf(back) + unrecordedFlyingOf(back));
  const left = total - succeeded - failed - skipped;
  const inFlight = Math.min(flyingOf(lanes), left);
  const waiting = left - inFlight;
  return { total, took, succeeded, failed, skipped, reverted, inFlight, waiting };
}

/**
 * Counts those that failed in this rollout, if the last RollbackAll returns them, too. Those that are deployed again meanwhile
 * do not count.
 */
export function failedToRevert(rollout: RolloutState, lanes: readonly Lane[]): number {
  if (!rollout.revertsFailed) return 0;
  const { leftOver = 0, leftOverSkipped = 0 } = rollout.takenOver ?? {};
  const found = lanes.reduce((sum, lane) => sum + (lane.of === "rollback" ? lane.failed : 0), 0);
  const again = retryFlyingOf(lanes) - leftOverFlyingOf(lanes) + retryDoneOf(lanes);
  return sumOf(rollout, "failed") + found - (leftOver - leftOverSkipped) - again;
}

/**
 * Counts the sentinels that a rollback leaves alone: they failed, in this rollout or an earlier one of the image, have no better
 * result since, and took the image in none.
 */
export function failedInAll(rollout: RolloutState): number {
  const { failed = 0, leftOver = 0, leftOverSkipped = 0 } = rollout.takenOver ?? {};
  if (rollout.revertsFailed) return failed;
  return sumOf(rollout, "failed") + failed - (leftOver - leftOverSkipped) - (rollout.retried ?? 0);
}

/** Of what was taken over: what counts along with the rollout's own. */
function takenAlong({ takenOver, countsTakenOver }: RolloutState, lanes: readonly Lane[]) {
  if (takenOver === undefined || !countsTakenOver) {
    return { total: 0, took: 0, failed: 0, skipped: 0, reverted: 0 };
  }
  const pending = (what: "earlierTook" | "earlierReverted" | "leftOverReverted") =>
    lanes.reduce((sum, lane) => sum + (lane[what] ?? 0), 0);
  const { size, reverted, unknown = 0, leftOver = 0, leftOverSkipped: skipped = 0 } = takenOver;
  const again = leftOverFlyingOf(lanes);
  return {
    total: size + unknown,
    took: size + leftOver - again + pending("earlierTook"),
    failed: leftOver - again - skipped,
    skipped,
    reverted: reverted + pending("earlierReverted") + pending("leftOverReverted"),
  };
}

/** @param drive of this rollout; absent: as it is recorded */
export function progressOf(rollout: RolloutState, nowMs: number, drive?: Drive): Progress {
  const { total, took, failed, skipped, reverted } = numbersOf(rollout, drive);
  return {
    rolloutId: rollout.rolloutId,
    image: rollout.image,
    wave: rollout.currentWave + 1,
    waves: rollout.waves.length,
    waveSize: rollout.waves[rollout.currentWave]?.size ?? 0,
    total,
    succeeded: took,
    failed,
    skipped,
    reverted,
    ...(rollout.takenOver?.failed ? { failedEarlier: rollout.takenOver.failed } : {}),
    elapsedMs: Math.max(0, nowMs - rollout.startedAtMs),
    waveElapsedMs: Math.max(0, nowMs - rollout.waveStartedAtMs),
  };
}

/** The sentinels of the current wave that have no result yet, those in flight included. */
export function remaining({ waves, currentWave }: RolloutState): number {
  const wave = waves[currentWave];
  return wave === undefined ? 0 : Math.max(0, wave.size - wave.succeeded - wave.failed - wave.skipped);
}

/** Rounded to the nearest; but 0 and 100 only when true. */
export function percent(part: number, whole: number): number {
  if (part <= 0 || whole <= 0) return 0;
  return part >= whole ? 100 : Math.min(99, Math.max(1, Math.round((100 * part) / whole)));
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
