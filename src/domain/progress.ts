import type { Drive, Failure, Progress, RolloutState } from "./state.ts";

/** The sentinels of the current wave that nobody has heard of yet. */
export function remaining(rollout: RolloutState): string[] {
  const recorded = new Set([...rollout.succeededIds, ...rollout.failedIds, ...rollout.skippedIds]);
  return currentWave(rollout).filter((id) => !recorded.has(id));
}

export function currentWave(rollout: RolloutState): string[] {
  return rollout.waves[rollout.currentWave] ?? [];
}

/** How many sentinels of the current wave have failed. */
export function failedInWave(rollout: RolloutState): number {
  const failed = new Set(rollout.failedIds);
  return currentWave(rollout).filter((id) => failed.has(id)).length;
}

/** The newest failures last, at most `most` of them: what just broke is what an operator looks for. */
export function failuresOf(rollout: RolloutState, most: number): Failure[] {
  return rollout.failedIds
    .slice(-most)
    .map((id) => ({ id, reason: rollout.failureReasons[id] ?? "unknown" }));
}

/** Likewise, those that were skipped. */
export function skipsOf(rollout: RolloutState, most: number): Failure[] {
  return rollout.skippedIds.slice(-most).map((id) => ({ id, reason: rollout.skipReasons[id] ?? "unknown" }));
}

/** How many are known to have taken the image: the result of one that was reverted may have been lost with its wave. */
export function tookImage(rollout: RolloutState): number {
  return new Set([...rollout.succeededIds, ...rollout.revertedIds]).size;
}

export function progressOf(rollout: RolloutState, nowMs: number): Progress {
  return {
    rolloutId: rollout.rolloutId,
    image: rollout.image,
    wave: rollout.currentWave + 1,
    waves: rollout.waves.length,
    waveSize: currentWave(rollout).length,
    total: rollout.totalSentinels,
    succeeded: rollout.succeededIds.length,
    failed: rollout.failedIds.length,
    skipped: rollout.skippedIds.length,
    elapsedMs: Math.max(0, nowMs - rollout.startedAtMs),
    waveElapsedMs: Math.max(0, nowMs - rollout.waveStartedAtMs),
  };
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * How long (ms) the rest is likely to take, from the waves that the present drive has done: a wave takes about as long
 * as the one before, because its sentinels update side by side. Undefined while no wave is done.
 */
export function timeLeft(rollout: RolloutState, drive: Drive | undefined, nowMs: number): number | undefined {
  if (rollout.state !== "in_progress" || drive === undefined) return undefined;
  const done = rollout.currentWave - drive.firstWave;
  if (done <= 0) return undefined;
  const perWaveMs = (rollout.waveStartedAtMs - drive.startedAtMs) / done;
  const thisWaveMs = Math.max(0, perWaveMs - (nowMs - rollout.waveStartedAtMs));
  return Math.round(thisWaveMs + perWaveMs * (rollout.waves.length - rollout.currentWave - 1));
}
