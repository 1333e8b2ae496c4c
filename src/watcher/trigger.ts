import { setTimeout as sleep } from "node:timers/promises";

/** Wakes a loop before its time. If it fires while the loop does not wait, the next wait ends at once. */
export interface Trigger {
  fire(): void;
  /** Resolves when fired, after `ms` (Infinity: only when fired), or when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export function createTrigger(): Trigger {
  let shot = Promise.withResolvers<void>();
  return {
    fire: () => shot.resolve(),
    async wait(ms, signal) {
      const done = new AbortController();
      const either = AbortSignal.any([signal, done.signal]);
      // The longest a timer can wait.
      const limit = Math.min(ms, 2 ** 31 - 1);
      await Promise.race([shot.promise, sleep(limit, undefined, { signal: either }).catch(() => undefined)]);
      done.abort();
      shot = Promise.withResolvers();
    },
  };
}
