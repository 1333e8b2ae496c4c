import { type Answer, accepted, refused } from "./answer.ts";
import type { Book } from "./book.ts";
import type { Driver } from "./drive-state.ts";
import type { Event } from "./event.ts";
import { takeLost } from "./follow-up.ts";
import { formerAbandoned, formerInterrupted, formerLaneLost } from "./former.ts";
import { cancel, strandedDrive } from "./forward.ts";
import { goOn, orderOf } from "./go-on.ts";
import { ringAgain } from "./lane-report.ts";
import { dropLanes } from "./lanes.ts";
import { endForward, pause } from "./pause.ts";
import { retell } from "./record.ts";
import { endRollback, stranded } from "./rollback.ts";
import type { Place } from "./state.ts";
import { DRIVE_KEY, FREEZE_KEY, HEAD_KEY, partKey } from "./state-keys.ts";
import { saveTakenOver } from "./taken-over-merge.ts";
import type { Turn } from "./turn.ts";

/** A driver, or a lane, was cancelled: nothing more is launched, and what is in flight settles. */
export function interrupted(
  turn: Turn,
  { rolloutId, invocationId, reason }: Event & { type: "interrupt" },
): Answer {
  if (rolloutId !== undefined && turn.rollout?.rolloutId !== rolloutId) {
    const answer = formerInterrupted(turn, rolloutId, invocationId);
    if (answer !== undefined) return answer;
  }
  const { forward, rollback, lanes = {} } = turn.drive ?? {};
  const lane = Object.values(lanes).find((each) => each.invocationId === invocationId);
  const driver = lane?.of === "forward" ? forward : lane?.of === "rollback" ? rollback : undefined;
  if (driver === undefined) return { ...refused(turn), driver: orderOf(turn, invocationId, undefined) };
  driver.stopping ??= reason;
  goOn(turn);
  return { ...accepted(turn), driver: orderOf(turn, invocationId, driver.lane) };
}

export function laneLost(turn: Turn, { rolloutId, lane: n, reason }: Event & { type: "laneLost" }): Answer {
  const lane = turn.drive?.rolloutId === rolloutId ? turn.lane(n) : undefined;
  if (lane === undefined || turn.drive === undefined) {
    return formerLaneLost(turn, rolloutId, n) ? accepted(turn) : refused(turn);
  }
  const lost = dropLanes(turn, (_, each) => each === n);
  const driver = lane.of === "forward" ? turn.drive.forward : turn.drive.rollback;
  if (driver !== undefined && lost.length > 0) driver.stopping ??= reason;
  if (lane.of === "forward") takeLost(turn, lost);
  ringAgain(turn);
  goOn(turn);
  return accepted(turn);
}

/** The driver is gone: it is unknown what was in flight, and an operator decides what is next. */
export function abandoned(
  turn: Turn,
  { rolloutId, invocationId, reason }: Event & { type: "abandon" },
): Answer {
  const { rollout } = turn;
  if (rollout === undefined) return refused(turn);
  if (rollout.state === "in_progress" && !turn.begun) {
    cancel(turn);
    forgetAll(turn);
    return accepted(turn);
  }
  if (rolloutId !== undefined && invocationId !== undefined && rolloutId !== rollout.rolloutId) {
    return formerAbandoned(turn, rolloutId, invocationId, reason) ? accepted(turn) : refused(turn);
  }
  turn.drive ??= strandedDrive(rollout);
  const { forward, rollback } = turn.drive;
  if (invocationId !== undefined && forward?.invocationId === invocationId) {
    retell(turn, "forward");
    const lost = dropLanes(turn, ({ of }) => of === "forward");
    takeLost(turn, lost);
    if (rollout.state === "in_progress") pause(turn, "interrupted", whyEnded(forward, reason));
    else endForward(turn, reason);
  } else if (invocationId !== undefined && rollback?.invocationId === invocationId) {
    retell(turn, "rollback");
    dropLanes(turn, ({ of }) => of === "rollback");
    endRollback(turn, reason);
  } else if (rollout.state === "in_progress" && forward === undefined) {
    pause(turn, "interrupted", reason);
  } else if (rollout.state === "rolling_back" && rollback === undefined) {
    stranded(turn, reason);
  } else {
    return refused(turn);
  }
  ringAgain(turn);
  goOn(turn);
  return accepted(turn);
}

/** What stopped it before is not forgotten. */
function whyEnded({ stopping, stoppingKind }: Driver, reason: string): string {
  return stopping === undefined || stoppingKind === undefined ? reason : `${stopping}; then ${reason}`;
}

/**
 * Its beginning was cut short: nothing of it was launched, and what lies beside the head may be of an earlier rollout; but what
 * it takes over of that one is to be reverted all the same.
 */
export function forgetAll(turn: Turn): void {
  clearOthers(turn.book, saveTakenOver(turn));
}

/**
 * Nothing of an earlier rollout stays beside the new one; a freeze is of none.
 * @param kept places of parts that are handed on to it
 */
export function clearOthers(book: Book, kept: readonly Place[] = []): void {
  const written = new Set([
    ...[HEAD_KEY, DRIVE_KEY, FREEZE_KEY, ...kept.map(partKey)],
    ...book.writes(() => 0).map(({ key }) => key),
  ]);
  for (const key of book.keys()) if (!written.has(key)) book.clear(key);
}
