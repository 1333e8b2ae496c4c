import type { Failure, Progress, RolloutState } from "./state.ts";

/** The sentinels of the current wave that nobody has heard of yet. */
export function remaining(rollout: RolloutState): string[] {
  const recorded = new Set([...rollout.succeededIds, ...rollout.failedIds]);
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
    elapsedMs: Math.max(0, nowMs - rollout.startedAtMs),
    waveElapsedMs: Math.max(0, nowMs - rollout.waveStartedAtMs),
  };
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
