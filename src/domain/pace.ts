/** How quickly Deploys are launched, however many may be in flight. */

import type { Drive } from "./drive-state.ts";
import { inFlightOf, lanesOf } from "./progress.ts";

/**
 * A Deploy that was launched a moment ago is at work: its row, its patch, its looks. Most wait for their pods after that, and
 * cost nothing. Each step of those at work waits for its turn behind the others, and so do Cancel and Status. Twice as many at
 * work end no more in a second, and have both answer in twice the time.
 */
export const MOST_AT_WORK = 128;
/** How long (ms) a Deploy counts as at work, if it has not settled before. */
export const AT_WORK_MS = 370;
/** If so many settle in that time, enough are at work. If fewer do, most of those in flight may be waiting. */
export const BUSY = 96;
/** What happens within so many ms is kept as one moment. */
const APART_MS = 100;
/** A lane does not ask for more sooner than this (ms). */
const SOONEST_MS = 200;
/** Fewer are not worth a grant. */
export const LEAST_SLOTS = 8;

/** How many may be launched now for the pace's sake: at least what takes the place of those that settle. */
export function paceRoom(drive: Drive, nowMs: number): number {
  const { granted, settled } = lately(drive, nowMs);
  const most = settled < BUSY ? MOST_AT_WORK : settled;
  const room = Math.max(MOST_AT_WORK - inFlightOf(lanesOf(drive)), most - granted);
  return room < LEAST_SLOTS ? 0 : room;
}

/** Notes that so many were granted, or settled, now. Where no more may be in flight than may be at work, there is no need. */
export function note(drive: Drive, { granted = 0, settled = 0 }, nowMs: number): void {
  const kept = recent(drive, nowMs);
  delete drive.moments;
  if (drive.window <= MOST_AT_WORK) return;
  const last = kept.at(-1);
  if (last !== undefined && nowMs - last.atMs < APART_MS) {
    const { atMs } = last;
    kept[kept.length - 1] = { atMs, granted: last.granted + granted, settled: last.settled + settled };
  } else if (granted + settled > 0) {
    kept.push({ atMs: nowMs, granted, settled });
  }
  if (kept.length > 0) drive.moments = kept;
}

/** When (unix ms) there will be more room, even if nothing settles. While much does, results ask for it sooner. */
export function roomAgainMs(drive: Drive, nowMs: number): number {
  if (lately(drive, nowMs).settled >= BUSY) return nowMs + AT_WORK_MS;
  const oldest = recent(drive, nowMs).find(({ granted }) => granted > 0);
  return Math.max((oldest?.atMs ?? nowMs) + AT_WORK_MS, nowMs + SOONEST_MS);
}

function lately(drive: Drive, nowMs: number): { granted: number; settled: number } {
  const sum = { granted: 0, settled: 0 };
  for (const { granted, settled } of recent(drive, nowMs)) {
    sum.granted += granted;
    sum.settled += settled;
  }
  return sum;
}

/** Moments that still count. One in the future is of a process whose clock is ahead, and does not. */
function recent({ moments = [] }: Drive, nowMs: number): NonNullable<Drive["moments"]> {
  return moments.filter(({ atMs }) => atMs > nowMs - AT_WORK_MS && atMs <= nowMs);
}
