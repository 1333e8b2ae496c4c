import type { Driver } from "./drive-state.ts";
import { soakMsOf } from "./soak.ts";
import type { RolloutState } from "./state.ts";

/**
 * How long (ms) the rest is likely to take, from the waves that the present drive has done: a wave takes about as long
 * as the one before, because its sentinels update side by side, and soaks as long as was asked for. Undefined while no wave
 * is done; but the soak of the last wave is all that is left then.
 */
export function timeLeft(
  rollout: RolloutState,
  driver: Driver | undefined,
  nowMs: number,
): number | undefined {
  if (rollout.state !== "in_progress" || driver === undefined) return undefined;
  const { soakUntilMs, currentWave, waves, waveStartedAtMs } = rollout;
  const soakLeftMs = soakUntilMs === undefined ? undefined : Math.max(0, soakUntilMs - nowMs);
  const later = waves.length - currentWave - 1;
  if (soakLeftMs !== undefined && later === 0) return Math.round(soakLeftMs);
  const done = currentWave - driver.firstWave;
  if (done <= 0) return undefined;
  const perWaveMs =
    (waveStartedAtMs - driver.startedAtMs - soaksMs(rollout, driver.firstWave, currentWave)) / done;
  const thisWaveMs = soakLeftMs ?? Math.max(0, perWaveMs - (nowMs - waveStartedAtMs)) + soakMsOf(rollout);
  return Math.round(thisWaveMs + perWaveMs * later + soaksMs(rollout, currentWave + 1, waves.length));
}

/** Of the waves from this one (0-based) to the one before that. */
function soaksMs({ limits }: RolloutState, from: number, to: number): number {
  const soaks = limits?.soakSeconds?.slice(from, to) ?? [];
  return soaks.reduce((sum, seconds) => sum + seconds * 1_000, 0);
}
