import { type Freeze, frozenBy, inForce, storedFreeze } from "./freeze.ts";
import { UnreadableError } from "./readable.ts";
import { FREEZE_KEY } from "./state-keys.ts";
import type { Turn } from "./turn.ts";

/**
 * The freeze that holds now. It is looked at only where a drive, or the lack of one, says that there may be one.
 * @throws UnreadableError
 */
export function freezeNow({ book, drive, nowMs }: Turn): Freeze | undefined {
  if (drive !== undefined && !drive.mayBeFrozen) return undefined;
  return inForce(storedFreeze(book.get(FREEZE_KEY)), nowMs);
}

/** The same where it is only shown: a value that cannot be read must not block a verb that stops something. */
export function shownFreeze(turn: Turn): Freeze | undefined {
  try {
    return freezeNow(turn);
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

/** Why the next wave does not follow by itself; undefined: it does. */
export function frozenBetweenWaves(turn: Turn): string | undefined {
  try {
    const freeze = freezeNow(turn);
    const overridden = freeze === undefined || freeze.id === turn.drive?.forward?.overrides;
    return overridden ? undefined : frozenBy(freeze);
  } catch (error) {
    // It is unknown what it was: an operator decides.
    if (error instanceof UnreadableError) return error.message.replace(/\.$/, "");
    throw error;
  }
}
