import type { Direction, Lane } from "./drive-state.ts";

export function newLane(of: Direction): Lane {
  return {
    of,
    ...{ out: 0, launching: 0, launched: 0, seq: 0, grants: 0 },
    ...{ succeeded: 0, failed: 0, skipped: 0, reverted: 0, stays: 0 },
    ...{ earlierOut: 0, earlierLaunching: 0, earlierTook: 0, earlierReverted: 0, earlierStays: 0 },
  };
}
