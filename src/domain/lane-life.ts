/** How many Deploys a lane has in flight, and in its whole life; and how many lanes there are. */

import type { Drive, Lane } from "./drive-state.ts";

/** A lane has at most this many Deploys in flight: racing them costs time in proportion to their number. */
export const LANE_SLOTS = 128;
/**
 * Lanes at a time: the drive takes 32 KiB. Those that are at the end of their lives, and wait for a last slow Deploy, are among
 * them: a fleet of 100,000 comes to about 160.
 */
export const MOST_LANES = 180;
/** A lane launches at most this many Deploys and is then replaced, so that its journal does not grow with the fleet. */
const LANE_LIFE = 640;
/** Its journal has at most 5,000 entries; what launches nothing takes the rest. */
const MOST_ENTRIES = 4_750;
/** A call with its id and its answer. */
const ENTRIES_OF_A_DEPLOY = 3;
/** Likewise, and two timers and a bell. */
const ENTRIES_OF_A_REPORT = 8;
/** The driver's own lane is as long as the rollout: it launches what a small fleet needs, and leaves the rest to others. */
const DRIVER_LIFE = 256;

/**
 * How many a lane may still launch. Where no more lanes can be opened, each goes on for as long as its journal takes, and the
 * driver's own for as long as it takes.
 */
export function lifeLeft({ lanes }: Pick<Drive, "lanes">, lane: Lane, isDriver: boolean): number {
  const isLast = Object.keys(lanes).length >= MOST_LANES;
  if (isDriver) return isLast ? Number.POSITIVE_INFINITY : DRIVER_LIFE - lane.launched;
  return Math.min(isLast ? Number.POSITIVE_INFINITY : LANE_LIFE - lane.launched, journalLeft(lane));
}

/** Does its journal take reports that bring no result? */
export function takesReports(lane: Lane): boolean {
  return journalLeft(lane) > 0;
}

/** How many more Deploys its journal takes, if the result of each comes alone, and the lane reports once more for each: to launch more, too. */
function journalLeft({ launched, seq, out, launching }: Lane): number {
  const taken = ENTRIES_OF_A_DEPLOY * launched + ENTRIES_OF_A_REPORT * (seq + 2 * (out + launching));
  return Math.max(0, Math.floor((MOST_ENTRIES - taken) / (ENTRIES_OF_A_DEPLOY + 2 * ENTRIES_OF_A_REPORT)));
}
