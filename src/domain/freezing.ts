import { type Answer, accepted, refused, viewNow } from "./answer.ts";
import type { Event } from "./event.ts";
import { type Freeze, inForce, type Moment, storedFreeze } from "./freeze.ts";
import { UnreadableError } from "./readable.ts";
import { FREEZE_KEY } from "./state-keys.ts";
import type { Turn } from "./turn.ts";

/** A leap year's days (ms). */
const LONGEST_MS = 366 * 24 * 60 * 60 * 1000;

/** A freeze cannot end at the moment that was asked for. */
export class UntilError extends Error {
  constructor(problem: string, { iso }: Moment) {
    super(`The field until must be ${problem}, got ${iso}.`);
    this.name = "UntilError";
  }
}

/**
 * An operator has no rollout begin, or go on to another wave, for now. Legal in every state; what is stored and cannot be read
 * is replaced.
 * @throws UntilError
 */
export function freeze(
  turn: Turn,
  { type: _, operator, comment, ...asked }: Event & { type: "freeze" },
): Answer {
  const { nowMs, rollout, drive } = turn;
  const { until } = asked;
  if (until !== undefined && until.ms <= nowMs) throw new UntilError("in the future", until);
  if (until !== undefined && until.ms - nowMs > LONGEST_MS) {
    throw new UntilError("at most a year from now", until);
  }
  const before = readAnyway(turn);
  if (before !== undefined && inForce(before, nowMs) === undefined) tellEnded(turn, before);
  const frozen: Freeze = { ...asked, by: operator ?? "an operator", sinceMs: nowMs };
  turn.book.set(FREEZE_KEY, frozen);
  if (drive !== undefined) drive.mayBeFrozen = true;
  if (until !== undefined) turn.ends = { id: frozen.id, inMs: until.ms - nowMs };
  const running =
    rollout?.state === "in_progress"
      ? {
          rolloutId: rollout.rolloutId,
          image: rollout.image,
          wave: rollout.currentWave + 1,
          waves: rollout.waves.length,
        }
      : undefined;
  turn.freezeNotifications.push({
    kind: "frozen",
    freeze: frozen,
    ...(comment === undefined ? {} : { comment }),
    ...(running === undefined ? {} : { running }),
  });
  return { ...accepted(turn), view: viewNow(turn) };
}

/** An operator ends the freeze. If there is none, the answer is the same: that is what was wanted. */
export function unfreeze(turn: Turn, { operator, comment }: Event & { type: "unfreeze" }): Answer {
  const before = readAnyway(turn);
  if (before === undefined) {
    if (turn.book.get(FREEZE_KEY) !== undefined) turn.book.clear(FREEZE_KEY);
  } else {
    turn.book.clear(FREEZE_KEY);
    if (inForce(before, turn.nowMs) === undefined) tellEnded(turn, before);
    else {
      const by = operator ?? "an operator";
      const said = comment === undefined ? {} : { comment };
      turn.freezeNotifications.push({ kind: "unfrozen", freeze: before, by, ...said });
    }
  }
  return { ...accepted(turn), view: viewNow(turn) };
}

/** The time of a freeze is up: what it kept from going on was let through from that moment on; now it is told. */
export function freezeEnds(turn: Turn, { id }: Event & { type: "freezeEnds" }): Answer {
  const before = readAnyway(turn);
  if (before?.id !== id) return refused(turn);
  if (inForce(before, turn.nowMs) !== undefined) {
    // The process that counted the time has another clock.
    if (before.until !== undefined) turn.ends = { id, inMs: before.until.ms - turn.nowMs };
    return refused(turn);
  }
  turn.book.clear(FREEZE_KEY);
  tellEnded(turn, before);
  return accepted(turn);
}

function tellEnded({ freezeNotifications }: Turn, freeze: Freeze): void {
  freezeNotifications.push({ kind: "freeze ended", freeze });
}

/** A value that cannot be read counts as no freeze, so that it can be replaced or cleared. */
function readAnyway({ book }: Turn): Freeze | undefined {
  try {
    return storedFreeze(book.get(FREEZE_KEY));
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}
