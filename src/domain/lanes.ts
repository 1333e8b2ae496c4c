import type { Direction, Drive, Driver, Grant, Item, Lane } from "./drive-state.ts";
import type { Report } from "./event.ts";
import { LANE_SLOTS, lifeLeft, MOST_LANES } from "./lane-life.ts";
import { countLaunching } from "./lane-report.ts";
import { newLane } from "./new-lane.ts";
import { LEAST_SLOTS, note, paceRoom } from "./pace.ts";
import { inFlightOf, lanesOf } from "./progress.ts";
import { hasMore, take } from "./queue.ts";
import { recordPending } from "./record.ts";
import { laneKey } from "./state-keys.ts";
import type { Turn } from "./turn.ts";

/**
 * A granted sentinel is unconfirmed until its lane has said that it launched it. While lanes fill, at most this many may be
 * unconfirmed: Restate must take them before more are granted. A full lane confirms with its next results. Cancel asks each
 * lane to confirm at once, and answers when at most this many are unconfirmed.
 */
export const LAUNCHING = 32;
/** Of one grant while a lane fills, so that two lanes can launch while the next grants are made. */
const FILLING_GRANT = 16;
/** Of one grant in place of results. */
const GRANT = 32;

export function driverOf(turn: Turn, lane: number): Driver | undefined {
  const { forward, rollback } = turn.drive ?? {};
  return [forward, rollback].find((driver) => driver?.lane === lane);
}

/** In which direction sentinels may be launched now; undefined: in none. */
export function launchingNow(turn: Turn): Direction | undefined {
  const { rollout, drive } = turn;
  if (drive === undefined || rollout === undefined) return undefined;
  const { forward, rollback } = drive;
  if (rollout.state === "in_progress" && forward !== undefined && forward.stopping === undefined) {
    return forward.openedWave === rollout.currentWave ? "forward" : undefined;
  }
  if (rollout.state !== "rolling_back" || rollback === undefined || rollback.stopping !== undefined) {
    return undefined;
  }
  return rollback.openedWave === undefined ? undefined : "rollback";
}

/** Hands out what may be launched now: to the lane that reports first, then to those that wait. */
export function serve(turn: Turn, reporter?: Report): void {
  const { drive } = turn.driving();
  const direction = launchingNow(turn);
  const waiting = drive.hungry.filter((lane) => lane !== reporter?.lane);
  drive.hungry = [];
  for (const lane of [...(reporter === undefined ? [] : [reporter.lane]), ...waiting]) {
    serveLane(turn, lane, direction, reporter);
  }
}

function serveLane(
  turn: Turn,
  n: number,
  direction: Direction | undefined,
  reporter: Report | undefined,
): void {
  const { drive } = turn.driving();
  const lane = drive.lanes[n];
  if (lane === undefined || lane.over || lane.launching > 0) return;
  if (lane.silent) {
    // It gets nothing while it does not answer; but it may be there again without having anything to say.
    drive.hungry.push(n);
    return;
  }
  const asks = reporter?.lane === n;
  const isDriver = driverOf(turn, n) !== undefined;
  const idle = lane.out === 0;
  const left = lifeLeft(drive, lane, isDriver);
  const free = Math.min(LANE_SLOTS - lane.out, left);
  const useful = direction === lane.of && hasMore(turn) && free > 0;
  if (!useful) {
    if (isDriver) {
      if (idle) drive.hungry.push(n);
    } else if (idle) {
      lane.over = true;
      if (!asks) turn.ring(n);
    }
    return;
  }
  const fills = free > GRANT;
  const most = fills ? Math.min(FILLING_GRANT, unsaidRoom(turn)) : GRANT;
  const places = roomIn(turn, lane.of);
  const room = Math.min(places, paceRoom(drive, turn.nowMs), most);
  // A lane whose bell was rung a moment ago will report by itself.
  if (room <= 0 || !(asks || turn.laneBook(n).bell !== undefined)) {
    drive.hungry.push(n);
    return;
  }
  if (!asks && drive.lanes[reporter?.lane ?? 0]?.of !== lane.of) {
    // A change that is killed before it rings loses the bell. Only the lanes of the same drive would find that out.
    turn.ring(n);
    return;
  }
  // Unless it asks because some time has passed.
  if (asks && !idle && !reporter.due && free < LEAST_SLOTS) {
    turn.askAgain = true;
    return;
  }
  const items = take(turn, Math.min(free, room));
  if (items.length === 0) {
    serveLane(turn, n, direction, reporter);
    return;
  }
  // Where the pace, or the end of a part, has left slots free, it asks for more as soon as it has launched these.
  const tells = hasMore(turn) && (fills || items.length < Math.min(free, places));
  const grant = grantOf(turn, lane, items, { fills, tells });
  if (asks) turn.setLaneBook(n, { ...turn.laneBook(n), grant });
  else turn.ring(n, grant);
  turn.grant = asks ? grant : turn.grant;
}

/** How many more may be in flight. */
export function roomIn(turn: Turn, of: Direction): number {
  const { drive } = turn.driving();
  return slotsIn(drive, of) - inFlightOf(lanesOf(drive, of));
}

/** How many Deploys may be in flight now. */
function slotsIn({ window, ramp }: Drive, of: Direction): number {
  return of === "forward" && ramp !== undefined ? Math.min(window, ramp.places) : window;
}

/** What may be granted to lanes that fill. */
function unsaidRoom(turn: Turn): number {
  const filling = lanesOf(turn.drive).filter(({ fills, silent }) => fills && !silent);
  return LAUNCHING - filling.reduce((sum, { launching }) => sum + launching, 0);
}

/** Counts granted sentinels that are not confirmed as launched. A lane that does not answer launches nothing. */
export function unsaid(turn: Turn): number {
  return lanesOf(turn.drive).reduce((sum, { launching, silent }) => sum + (silent ? 0 : launching), 0);
}

/** Has all lanes say what they have launched. */
export function askWhatIsLaunched(turn: Turn): void {
  const lanes = Object.entries(turn.drive?.lanes ?? {}).filter(([, { launching }]) => launching > 0);
  turn.book.all(lanes.map(([n]) => laneKey(n)));
  for (const [n] of lanes) turn.ring(n);
}

function grantOf(
  turn: Turn,
  lane: Lane,
  items: Item[],
  { fills, tells }: { fills: boolean; tells: boolean },
): Grant {
  const { rollout, drive } = turn.driving();
  note(drive, { granted: items.length }, turn.nowMs);
  lane.grants++;
  countLaunching(lane, items);
  lane.launched += items.length;
  const image = lane.of === "forward" ? { image: rollout.image } : {};
  delete lane.fills;
  delete lane.tells;
  Object.assign(lane, fills ? { fills } : {}, tells ? { tells } : {});
  return { n: lane.grants, atMs: turn.nowMs, ...image, confirm: tells, items };
}

/** Has more lanes opened where those that are there have no slot for what may be launched. */
export function staff(turn: Turn, leftToLaunch: number): void {
  const { drive } = turn.driving();
  const direction = launchingNow(turn);
  if (direction === undefined || !hasMore(turn)) return;
  const lanes = Object.entries(drive.lanes);
  const slots = lanes.map(([n, lane]) => {
    if (lane.of !== direction || lane.over || lane.silent) return 0;
    const left = lifeLeft(drive, lane, driverOf(turn, Number(n)) !== undefined);
    return Math.max(0, Math.min(LANE_SLOTS - lane.out - lane.launching, left));
  });
  const room = Math.min(roomIn(turn, direction), paceRoom(drive, turn.nowMs));
  const wanted = Math.min(room, Math.max(1, leftToLaunch));
  const missing = wanted - slots.reduce((sum, n) => sum + n, 0);
  const more = Math.min(Math.ceil(missing / LANE_SLOTS), MOST_LANES - lanes.length);
  for (let i = 0; i < more; i++) drive.lanes[drive.nextLane++] = newLane(direction);
}

/** The lanes that are to be opened: no invocation has reported under their number yet. */
export function unopened(turn: Turn, of: Direction): number[] {
  return Object.entries(turn.drive?.lanes ?? {})
    .filter(([, lane]) => lane.of === of && lane.invocationId === undefined && !lane.over)
    .map(([n]) => Number(n));
}

/** What a lane that is gone has no more of. */
const FLYING = [
  ...(["againOut", "againLaunching", "unrecordedOut", "unrecordedLaunching"] as const),
  ...(["retryOut", "retryLaunching", "leftOverOut", "leftOverLaunching"] as const),
] as const;

/** Takes lanes out of the drive: those that are done, gone, or no longer waited for. @returns what they held */
export function dropLanes(turn: Turn, lost: (lane: Lane, n: number) => boolean): Item[] {
  const { drive } = turn.driving();
  const gone = Object.entries(drive.lanes).filter(([n, lane]) => lost(lane, Number(n)));
  if (gone.length === 0) return [];
  turn.book.all(gone.map(([n]) => laneKey(n)));
  const held = gone.flatMap(([n, lane]) => {
    const { out, grant } = turn.laneBook(n);
    Object.assign(lane, { out: 0, launching: 0, earlierOut: 0, earlierLaunching: 0, over: true });
    for (const what of FLYING) delete lane[what];
    turn.ring(n);
    const items = [...out, ...(grant?.items ?? [])];
    if (lane.of === "forward" && items.length > 0) {
      // Of those that are deployed again their parts say so.
      if (items.some(({ retry }) => !retry)) drive.lost = true;
      if (drive.settles !== undefined) drive.settles += items.length;
    }
    return items;
  });
  // What they had reported is kept.
  recordPending(turn, [...new Set(held.map(({ at }) => at))]);
  drive.hungry = drive.hungry.filter((n) => drive.lanes[n] !== undefined);
  return held;
}
