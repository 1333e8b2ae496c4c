import type { Direction, Drive } from "./drive-state.ts";
import type { Report } from "./event.ts";
import { LANE_SLOTS, takesReports } from "./lane-life.ts";
import { driverOf, launchingNow, roomIn } from "./lanes.ts";
import { AT_WORK_MS, paceRoom, roomAgainMs } from "./pace.ts";
import { hasMore } from "./queue.ts";
import type { Turn } from "./turn.ts";

/** A lane that should have reported this long ago (ms) is not waited for. */
const OVERDUE_MS = 1_000;

/**
 * Sees to it that a lane reports as long as more may be launched: results may not come for minutes. Called once all is granted
 * that may be.
 */
export function askAgain(turn: Turn, reporter: Report | undefined): void {
  const { drive, nowMs } = turn;
  if (drive === undefined) return;
  const { paced } = drive;
  delete drive.paced;
  const direction = launchingNow(turn);
  if (direction === undefined || !hasMore(turn) || roomIn(turn, direction) <= 0) return;
  if (paceRoom(drive, nowMs) <= 0) askForPace(turn, direction, reporter, paced);
  // The lane that reports has slots itself, and reports again for them.
  else if (!turn.askAgain) askNow(turn, direction);
}

/** Asks a lane that has free slots, and that would say only with its next results that it has launched its grant. */
function askNow(turn: Turn, direction: Direction): void {
  Object.entries(turn.drive?.lanes ?? {}).some(([n, { of, over, silent, out, launching, tells }]) => {
    if (of !== direction || over || silent) return false;
    return launching > 0 && !tells && out + launching < LANE_SLOTS && turn.ring(n);
  });
}

function askForPace(
  turn: Turn,
  direction: Direction,
  reporter: Report | undefined,
  paced: Drive["paced"],
): void {
  const { drive } = turn.driving();
  const { nowMs } = turn;
  const lateMs = (paced?.untilMs ?? 0) + OVERDUE_MS;
  if (paced !== undefined && paced.lane !== reporter?.lane && isAble(turn, paced.lane, direction)) {
    // A lane that was told by a process whose clock is ahead is not waited for either.
    if (nowMs < lateMs && paced.untilMs <= nowMs + AT_WORK_MS) {
      drive.paced = paced;
      return;
    }
  }
  const others = Object.keys(drive.lanes).map(Number);
  const isDriver = (n: number) => driverOf(turn, n) !== undefined;
  // The driver's journal is as long as the rollout, so the driver asks only where there is no other lane.
  const able = [...(reporter === undefined ? [] : [reporter.lane]), ...others]
    .filter((n) => isAble(turn, n, direction))
    .sort((a, b) => Number(isDriver(a)) - Number(isDriver(b)));
  for (const lane of able) {
    const reports = lane === reporter?.lane;
    // One that is rung reports now, and is then told when to report again.
    if (!reports && (lane === paced?.lane || !turn.ring(lane))) continue;
    drive.paced = { lane, untilMs: reports ? roomAgainMs(drive, nowMs) : nowMs };
    return;
  }
}

function isAble(turn: Turn, n: number, direction: Direction): boolean {
  const lane = turn.lane(n);
  if (lane === undefined || lane.of !== direction || lane.invocationId === undefined) return false;
  return !lane.over && !lane.silent && takesReports(lane);
}
