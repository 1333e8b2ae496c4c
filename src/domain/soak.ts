import type { Soak } from "./notification.ts";
import type { RolloutState } from "./state.ts";

/** How long (ms) the wave is to be watched before the rollout goes on: what is left of its soak, or all of it. */
export function soakMsOf({ limits, currentWave, soakLeftMs }: RolloutState): number {
  return soakLeftMs ?? (limits?.soakSeconds?.[currentWave] ?? 0) * 1_000;
}

/** Are those that took the image watched? */
export function isWatched({ limits }: RolloutState): boolean {
  return limits?.soakSeconds !== undefined;
}

/** Is the health to be watched now? A paused rollout also tells which sentinels have recovered. */
export function isUnderWay(rollout: RolloutState): boolean {
  return isWatched(rollout) && (rollout.state === "in_progress" || rollout.state === "paused");
}

/** The soak that begins now; undefined: there is none. */
export function soakFrom(rollout: RolloutState, nowMs: number): Soak | undefined {
  const ms = soakMsOf(rollout);
  return ms === 0 ? undefined : { untilMs: nowMs + ms, ms };
}

/** A pause stops its clock. */
export function interruptedSoak(
  { soakUntilMs, soakLeftMs }: RolloutState,
  nowMs: number,
): { soakLeftMs?: number } {
  const left = soakUntilMs === undefined ? soakLeftMs : Math.max(0, soakUntilMs - nowMs);
  return left === undefined ? {} : { soakLeftMs: left };
}

/** The first wave (0-based) that a drive deploys which has just begun: in a soak it is the next one. */
export function firstWaveOf({ currentWave, soakUntilMs }: RolloutState): number {
  return soakUntilMs === undefined ? currentWave : currentWave + 1;
}
