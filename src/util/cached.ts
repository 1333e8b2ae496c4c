import { atMost } from "./at-most.ts";

/** What was read last, unless it is too old or the last attempt failed. Never rejects, and answers in bounded time. */
export type CachedSource<T> = () => Promise<T | undefined>;

export interface CachedOptions {
  /** Within this time (ms) of the last attempt nothing new is read. */
  maxAgeMs: number;
  /** A caller waits at most this long (ms) for an attempt. The attempt continues; the next caller gets its result. */
  patienceMs: number;
  /** Older than this (ms) nothing is given out while an attempt takes long. */
  staleMs: number;
}

/** Reads a source for many who ask often: one attempt at a time, however many ask and however long it takes. */
export function cached<T>(read: () => Promise<T>, options: CachedOptions): CachedSource<T> {
  let attempt: Promise<void> | undefined;
  let attemptedMs = Number.NEGATIVE_INFINITY;
  let last: { value: T; readMs: number } | undefined;

  async function refresh(): Promise<void> {
    attemptedMs = performance.now();
    try {
      const value = await read();
      last = { value, readMs: performance.now() };
    } catch {
      last = undefined;
    } finally {
      attempt = undefined;
    }
  }

  return async () => {
    if (attempt === undefined && performance.now() - attemptedMs >= options.maxAgeMs) attempt = refresh();
    if (attempt !== undefined) await atMost(options.patienceMs, attempt, () => undefined);
    const fresh = last !== undefined && performance.now() - last.readMs < options.staleMs;
    return fresh ? last?.value : undefined;
  };
}
