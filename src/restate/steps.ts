import { RetryableError, type RunOptions } from "@restatedev/restate-sdk";
import { TransientKubernetesError } from "../kubernetes/errors.ts";

/** Even at the deadline a step gets this long (ms) for a last try. */
const LAST_TRY_MS = 2_000;

/** Retries a step until the deadline and not beyond; then it ends in a TerminalError with the last message. */
export function untilDeadline<T>(deadlineMs: number, nowMs: number): RunOptions<T> {
  return {
    initialRetryInterval: 200,
    retryIntervalFactor: 2,
    maxRetryInterval: 5_000,
    maxRetryDuration: Math.max(LAST_TRY_MS, deadlineMs - nowMs),
  };
}

/** Hands the API server's Retry-After on to Restate. */
export async function kubernetes<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof TransientKubernetesError && error.retryAfterMs !== undefined) {
      throw new RetryableError(error.message, { retryAfter: error.retryAfterMs });
    }
    throw error;
  }
}
