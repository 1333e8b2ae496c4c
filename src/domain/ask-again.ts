import type { Report } from "./event.ts";
import { takesReports } from "./lane-life.ts";
import { driverOf, launchingNow, roomIn } from "./lanes.ts";
import { paceRoom, roomAgainMs } from "./pace.ts";
import { hasMore } from "./queue.ts";
import type { Turn } from "./turn.ts";

/** A lane that should have reported this long ago (ms) is not waited for. */
const OVERDUE_MS = 1_000;

/**
 * Where only the pace keeps more from being launched, one lane reports once it does not: results may not come for minutes.
 * Called once all is granted that may be.
 */
export function askAgainForPace(turn: Turn, reporter: Report | undefined): void {
  const { drive, nowMs } = turn;
  if (drive === undefined) return;
  const { paced } = drive;
  delete drive.paced;
  const direction = launchingNow(turn);
  if (direction === undefined || !hasMore(turn)) return;
  if (roomIn(turn, direction) <= 0 || paceRoom(drive, nowMs) > 0) return;
  const isWaitedFor = paced !== undefined && nowMs < paced.untilMs + OVERDUE_MS && isAble(turn, paced.lane);
  if (isWaitedFor && paced.lane !== reporter?.lane) {
    drive.paced = paced;
    return;
  }
  const others = Object.keys(drive.lanes).map(Number);
  const isDriver = (n: number) => driverOf(turn, n) !== undefined;
  // The driver's journal is as long as the rollout, so the driver asks only where there is no other lane.
  const able = [...(reporter === undefined ? [] : [reporter.lane]), ...others]
    .filter((n) => isAble(turn, n))
    .sort((a, b) => Number(isDriver(a)) - Number(isDriver(b)));
  for (const lane of able) {
    const reports = lane === reporter?.lane;
    // One that is rung reports now, and is then told when to report again.
    if (!reports && (lane === paced?.lane || !turn.ring(lane))) continue;
    drive.paced = { lane, untilMs: reports ? roomAgainMs(drive, nowMs) : nowMs };
    return;
  }
}

function isAble(turn: Turn, n: number): boolean {
  const lane = turn.lane(n);
  if (lane === undefined || lane.over || lane.silent || lane.invocationId === undefined) return false;
  return takesReports(lane);
}
