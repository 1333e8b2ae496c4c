import { TerminalError } from "@restatedev/restate-sdk";
import { StaleRequestError } from "../domain/begin.ts";
import { FrozenError } from "../domain/freeze.ts";
import { UntilError } from "../domain/freezing.ts";
import { GuardError, UnnamedError } from "../domain/guard.ts";
import { IllegalOperationError } from "../domain/legality.ts";
import { UnreadableError } from "../domain/readable.ts";
import { NotFailedError } from "../domain/retry-failed.ts";
import { BadRequestError } from "./body.ts";

/** A request that is well formed but cannot be met now; becomes a 409. */
export class ConflictError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConflictError";
  }
}

const BAD_REQUESTS = [BadRequestError, UnnamedError, UntilError];
const CONFLICTS = [FrozenError, GuardError, IllegalOperationError, NotFailedError, ConflictError];

/** The one place where errors get an HTTP status; any other error is retried. */
export function asTerminalError(error: unknown): TerminalError | undefined {
  if (BAD_REQUESTS.some((each) => error instanceof each)) {
    return new TerminalError((error as Error).message, { errorCode: 400 });
  }
  if (CONFLICTS.some((each) => error instanceof each)) {
    return new TerminalError((error as Error).message, { errorCode: 409 });
  }
  if (error instanceof StaleRequestError) return new TerminalError(error.message, { errorCode: 503 });
  if (error instanceof UnreadableError) return new TerminalError(error.message, { errorCode: 500 });
  return undefined;
}
