import { RetryableError, type RunOptions } from "@restatedev/restate-sdk";
import { TransientKubernetesError } from "../kubernetes/errors.ts";

/** Even at the deadline a step gets this long (ms) for a last try. */
const LAST_TRY_MS = 2_000;

/** Longest pause (ms) between two attempts. */
const MAX_INTERVAL_MS = 5_000;

/** Retries a step until the deadline and not beyond; then it ends in a TerminalError with the last message. */
export function untilDeadline<T>(deadlineMs: number, nowMs: number): RunOptions<T> {
  return {
    initialRetryInterval: 200,
    retryIntervalFactor: 2,
    maxRetryInterval: MAX_INTERVAL_MS,
    maxRetryDuration: Math.max(LAST_TRY_MS, deadlineMs - nowMs),
  };
}

/**
 * Hands the API server's Retry-After on to Restate; of a long one only so much that a step does not sleep through its
 * deadline. Coming back early does no harm: until the time is over, the cluster's limiter sends nothing.
 */
export async function kubernetes<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof TransientKubernetesError && error.retryAfterMs !== undefined) {
      throw new RetryableError(error.message, { retryAfter: Math.min(error.retryAfterMs, MAX_INTERVAL_MS) });
    }
    throw error;
  }
}
