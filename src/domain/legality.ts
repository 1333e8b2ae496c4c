import type { Operation, Phase, RolloutState } from "./state.ts";

/** The operations that are legal in each state; `rolling_back` ends by itself. */
export const LEGAL: Readonly<Record<Phase, readonly Operation[]>> = {
  idle: ["Rollout"],
  completed: ["Rollout"],
  cancelled: ["Rollout", "RollbackAll"],
  in_progress: ["Cancel"],
  paused: ["Resume", "Cancel", "RollbackAll"],
  rolling_back: [],
};

/** An operation that is not legal in the present state; the message names the state and what is legal. */
export class IllegalOperationError extends Error {
  constructor(operation: Operation, phase: Phase) {
    const legal = LEGAL[phase];
    const now = legal.length === 0 ? "nothing but to wait until it has ended" : legal.join(", ");
    super(`${operation} is not legal while the rollout is ${phase}; legal now: ${now}.`);
    this.name = "IllegalOperationError";
  }
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
  const phase = rollout?.state ?? "idle";
  if (!LEGAL[phase].includes(operation)) throw new IllegalOperationError(operation, phase);
  return rollout;
}
