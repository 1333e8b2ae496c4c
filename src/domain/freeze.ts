import { z } from "zod";
import { UnreadableError } from "./readable.ts";
import type { Operation } from "./state.ts";
import { FREEZE_KEY } from "./state-keys.ts";

/** Unix milliseconds, and as it is told: the domain makes no dates. */
export interface Moment {
  ms: number;
  iso: string;
}

/** No rollout is to go on for now; under the key `freeze`. */
export interface Freeze {
  /** Distinguishes it from the freeze that replaces it. */
  id: string;
  reason: string;
  by: string;
  sinceMs: number;
  /** From this moment on it holds no more, even before its key is cleared. Absent: until an Unfreeze. */
  until?: Moment;
}

const Stored = z.looseObject({
  id: z.string(),
  reason: z.string(),
  by: z.string(),
  sinceMs: z.number(),
  until: z.object({ ms: z.number(), iso: z.string() }).optional(),
});

/**
 * The stored value, whether or not it holds still.
 * @throws UnreadableError
 */
export function storedFreeze(value: unknown): Freeze | undefined {
  if (value === undefined || value === null) return undefined;
  const parsed = Stored.safeParse(value);
  if (parsed.success) return parsed.data as Freeze;
  throw new UnreadableError("it is not a freeze", FREEZE_KEY, "call Unfreeze, or Freeze anew");
}

/** The freeze, while it holds. */
export function inForce(freeze: Freeze | undefined, nowMs: number): Freeze | undefined {
  const passed = freeze?.until !== undefined && freeze.until.ms <= nowMs;
  return passed ? undefined : freeze;
}

/** What a request says of a freeze. */
export interface Override {
  overrideFreeze?: true;
  comment?: string;
}

/** What begins or goes on, and what a freeze stops: all that launches what is not deployed yet. */
const FROZEN: ReadonlySet<Operation> = new Set(["Rollout", "Resume", "RetryFailed"]);

export function isFrozen(operation: Operation): boolean {
  return FROZEN.has(operation);
}

/** It is not to begin, or to go on, for now. */
export class FrozenError extends Error {
  constructor(operation: Operation, freeze: Freeze) {
    super(
      `${operation} is frozen: ${frozenBy(freeze)}. Nothing was changed. Wait until the freeze has ended, call Unfreeze, or send "override_freeze": true with a comment; Pause, Cancel, Abort and RollbackAll are never frozen.`,
    );
    this.name = "FrozenError";
  }
}

/**
 * Is the operation let through?
 * @returns the id of the freeze that the request overrides; undefined: none is in force
 * @throws FrozenError
 */
export function assertNotFrozen(
  operation: Operation,
  freeze: Freeze | undefined,
  nowMs: number,
  { overrideFreeze, comment }: Override,
): string | undefined {
  const holds = inForce(freeze, nowMs);
  if (holds === undefined) return undefined;
  if (!overrideFreeze || comment === undefined) throw new FrozenError(operation, holds);
  return holds.id;
}

/** "frozen by alice until 2026-01-31T08:00:00.000Z: year-end closing". */
export function frozenBy({ by, reason, until }: Freeze): string {
  return `frozen by ${by}${until === undefined ? "" : ` until ${until.iso}`}: ${reason.replace(/[.\s]+$/, "")}`;
}
