import type { Operation, RolloutState, State } from "./state.ts";

/** The operations that change something in each state; `rolling_back` ends by itself. */
export const LEGAL: Readonly<Record<State, readonly Operation[]>> = {
  idle: ["Rollout"],
  completed: ["Rollout"],
  cancelled: ["Rollout", "RollbackAll"],
  in_progress: ["Cancel", "Pause", "Abort"],
  paused: ["Resume", "RetryFailed", "Cancel", "RollbackAll", "Abort"],
  rolling_back: [],
};

/** An operation that is not legal in the present state; the message names the state and what is legal. */
export class IllegalOperationError extends Error {
  constructor(operation: Operation, state: State) {
    const legal = LEGAL[state];
    const now = legal.length === 0 ? "nothing but to wait until it has ended" : legal.join(", ");
    super(`${operation} is not legal while the rollout is ${state}; legal now: ${now}.`);
    this.name = "IllegalOperationError";
  }
}

/**
 * Is the operation legal in this state? Pause is legal in `paused` too: the caller may have lost the answer to its first
 * Pause. There it changes nothing but that it keeps the pause from rolling back by itself.
 */
export function isLegal(operation: Operation, state: State): boolean {
  return LEGAL[state].includes(operation) || (operation === "Pause" && state === "paused");
}

/**
 * Returns the rollout that the operation is about (for `Rollout` there may be none).
 * @throws IllegalOperationError
 */
export function assertLegal(operation: "Rollout", rollout: RolloutState | undefined): void;
export function assertLegal(operation: Operation, rollout: RolloutState | undefined): RolloutState;
export function assertLegal(
  operation: Operation,
  rollout: RolloutState | undefined,
): RolloutState | undefined {
  const state = rollout?.state ?? "idle";
  if (!isLegal(operation, state)) throw new IllegalOperationError(operation, state);
  return rollout;
}
