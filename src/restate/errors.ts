import { TerminalError } from "@restatedev/restate-sdk";
import { IllegalOperationError } from "../domain/legality.ts";
import { BadRequestError } from "./body.ts";

/** A request that is well formed but cannot be met now; becomes a 409. */
export class ConflictError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConflictError";
  }
}

/** The one place where errors get an HTTP status; any other error is retried. */
export function asTerminalError(error: unknown): TerminalError | undefined {
  if (error instanceof BadRequestError) return new TerminalError(error.message, { errorCode: 400 });
  if (error instanceof IllegalOperationError || error instanceof ConflictError) {
    return new TerminalError(error.message, { errorCode: 409 });
  }
  return undefined;
}
