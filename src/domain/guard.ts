import { assertLegal } from "./legality.ts";
import type { Operation, RolloutState } from "./state.ts";

/** What a caller saw when it decided to act: its verb is about that rollout, and that wave, alone. */
export interface Seen {
  rolloutId?: string;
  /** Counted from 1. */
  wave?: number;
}

/** What guards a verb. */
export interface Guarded {
  seen?: Seen;
  /** The rollout that the verb found when it came: though it names none, it is about no later one. */
  found?: string;
  /** The service takes no verb that does not name its rollout. */
  mustName?: true;
}

/** The rollout, or its wave, is no longer the one that the caller saw. */
export class GuardError extends Error {
  constructor(saw: string, is: string, operation: Operation, who = "You saw") {
    super(`${who} ${saw}; ${is}. ${operation} changed nothing: look at Status before you decide again.`);
    this.name = "GuardError";
  }
}

/** The verb does not name its rollout, and has to. */
export class UnnamedError extends Error {
  constructor(operation: Operation) {
    super(
      `${operation} must name the rollout that you saw: send rollout_id, or the whole guard of Status, such as {"rollout_id": "…", "wave": 2}; REQUIRE_ROLLOUT_ID is set here.`,
    );
    this.name = "UnnamedError";
  }
}

/**
 * Returns the rollout that the verb is about. A verb that comes late is told so, rather than what is legal for another rollout.
 * @throws GuardError
 * @throws IllegalOperationError
 * @throws UnnamedError
 */
export function assertMeant(
  operation: Operation,
  rollout: RolloutState | undefined,
  { seen, found, mustName }: Guarded,
): RolloutState {
  if (seen !== undefined) assertSeen(operation, rollout, seen);
  if (found !== undefined) assertSeen(operation, rollout, { rolloutId: found }, "It came while there was");
  const legal = assertLegal(operation, rollout);
  if (mustName && seen?.rolloutId === undefined) throw new UnnamedError(operation);
  return legal;
}

function assertSeen(
  operation: Operation,
  rollout: RolloutState | undefined,
  { rolloutId, wave }: Seen,
  who?: string,
): void {
  if (rollout === undefined) {
    const saw = [
      wave === undefined ? [] : `wave ${wave}`,
      rolloutId === undefined ? [] : `rollout ${rolloutId}`,
    ];
    throw new GuardError(saw.flat().join(" of "), "there is no rollout", operation, who);
  }
  const now = rollout.currentWave + 1;
  if (rolloutId !== undefined && rolloutId !== rollout.rolloutId) {
    const saw = `${wave === undefined ? "" : `wave ${wave} of `}rollout ${rolloutId}`;
    throw new GuardError(saw, `it is wave ${now} of rollout ${rollout.rolloutId}`, operation, who);
  }
  if (wave !== undefined && wave !== now) {
    throw new GuardError(`wave ${wave} of rollout ${rollout.rolloutId}`, `it is wave ${now}`, operation);
  }
}

/** The body of a verb that is about this rollout and this wave (counted from 1) alone, as one line to paste. */
export function guardLine({ rolloutId, wave }: Required<Seen>): string {
  return JSON.stringify({ rollout_id: rolloutId, wave });
}
