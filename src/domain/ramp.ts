import type { SentinelResult } from "./drive-state.ts";
import { inFlightOf, lanesOf } from "./progress.ts";
import type { Turn } from "./turn.ts";

/**
 * A wave that ramps up: once as many have succeeded as may be in flight, twice as many may; a failure begins with one again. What
 * is still in flight then, beyond that one, doubles nothing.
 * @param results that the report which was just taken has brought
 */
export function ramp(turn: Turn, results: readonly SentinelResult[]): void {
  const { drive } = turn.driving();
  if (drive.ramp === undefined) return;
  let { places: slots, succeeded } = drive.ramp;
  let flying = inFlightOf(lanesOf(drive, "forward")) + results.length;
  for (const { is } of results) {
    const counts = is === "succeeded" && flying <= slots;
    flying--;
    if (is === "failed") [slots, succeeded] = [1, 0];
    else if (counts && ++succeeded >= slots && slots < drive.window) {
      [slots, succeeded] = [slots * 2, 0];
    }
  }
  drive.ramp = { places: slots, succeeded };
}
