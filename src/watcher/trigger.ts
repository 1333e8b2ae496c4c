import { setTimeout as sleep } from "node:timers/promises";

/** Wakes a loop before its time. A shot while nobody waits is remembered for the next wait. */
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
