import {
  type ObjectContext,
  type RestatePromise,
  RetryableError,
  TerminalError,
} from "@restatedev/restate-sdk";
import { TransientKubernetesError } from "../kubernetes/errors.ts";
import { atMost } from "../util/at-most.ts";

/** Even at the deadline a step gets this long (ms) for a last try. */
const LAST_TRY_MS = 2_000;

/** How long (ms) the last try may take to be answered. */
const LAST_ANSWER_MS = 2_000;

/** Longest pause (ms) between two attempts, and between the last ones. */
const MAX_INTERVAL_MS = 5_000;
const LAST_INTERVAL_MS = 500;

/** When a step has to be over, and when the one before it was (unix ms); and what it does, for a person. */
export interface StepTimes {
  deadlineMs: number;
  sinceMs: number;
  doing: string;
}

/** What of a step its deadline cuts short: what the API server is asked. */
export type Bounded = <T>(ask: () => Promise<T>) => Promise<T>;

/**
 * Retries a step until the deadline, and once more after it. The step ends at most 4 s after the deadline, except for work
 * that is not `bounded`. If the previous step ended after the deadline, this one gets the same time from there. Each attempt
 * goes by its own clock; time that the Deploy slept before it does not count.
 * @throws TerminalError with the last message
 */
export function untilDeadline<T>(
  ctx: ObjectContext,
  name: string,
  { deadlineMs, sinceMs, doing }: StepTimes,
  work: (bounded: Bounded) => Promise<T>,
): RestatePromise<T> {
  const overMs = Math.max(deadlineMs, sinceMs) + LAST_TRY_MS;
  const step = async () => {
    const startedMs = Date.now();
    const answerMs = Math.max(overMs - startedMs, 0) + LAST_ANSWER_MS;
    try {
      return await work((ask) => within(ask, answerMs, doing));
    } catch (error) {
      if (error instanceof TerminalError) throw error;
      const { message } = error instanceof Error ? error : new Error(String(error));
      const leftMs = overMs - Date.now();
      if (leftMs <= 0) throw new TerminalError(message);
      // No pause may lead past the end.
      if (leftMs > MAX_INTERVAL_MS) throw error;
      throw new RetryableError(message, { retryAfter: Math.min(leftMs, LAST_INTERVAL_MS) });
    }
  };
  return ctx.run(name, step, {
    initialRetryInterval: 200,
    retryIntervalFactor: 2,
    maxRetryInterval: MAX_INTERVAL_MS,
  });
}

/** The API server may still answer later; the answer is ignored. */
export function within<T>(ask: () => Promise<T>, ms: number, doing: string): Promise<T> {
  return atMost(ms, ask(), () => {
    throw new Error(`${doing}: the Kubernetes API did not answer in time`);
  });
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
