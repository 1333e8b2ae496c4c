import type { SentinelResult } from "./drive-state.ts";
import type { Turn } from "./turn.ts";

/** A wave that ramps up: as many in flight as succeeded one after another are doubled; a failure begins with one again. */
export function ramp(turn: Turn, results: readonly SentinelResult[]): void {
  const { drive } = turn.driving();
  if (drive.ramp === undefined) return;
  let { places, succeeded } = drive.ramp;
  for (const { is } of results) {
    if (is === "failed") [places, succeeded] = [1, 0];
    else if (is === "succeeded" && ++succeeded >= places && places < drive.window) {
      [places, succeeded] = [places * 2, 0];
    }
  }
  drive.ramp = { places, succeeded };
}
