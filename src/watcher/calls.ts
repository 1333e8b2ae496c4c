import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../log.ts";
import { atMost } from "../util/at-most.ts";
import { reasonOf } from "../util/reason.ts";

/** Calls whose answer is not waited for: a few at a time, a few attempts each, then given up (the next re-check asks again). */
export interface Calls {
  /** A call of the same key that has not begun yet is replaced. */
  submit(key: string, call: () => Promise<void>): void;
  stop(): void;
}

const CONCURRENCY = 64;
/** Pauses between the attempts; one attempt more than pauses. */
const PAUSES_MS = [200, 1_000];
/** A call that hangs gives way to others. */
const ATTEMPT_TIMEOUT_MS = 10_000;

export function createCalls(logger: Logger): Calls {
  const pending = new Map<string, () => Promise<void>>();
  const stopped = new AbortController();
  let active = 0;

  function fill(): void {
    while (active < CONCURRENCY && !stopped.signal.aborted) {
      const [next] = pending;
      if (next === undefined) return;
      const [key, call] = next;
      pending.delete(key);
      active++;
      void attempts(key, call).finally(() => {
        active--;
        fill();
      });
    }
  }

  async function attempts(key: string, call: () => Promise<void>): Promise<void> {
    for (const pauseMs of [...PAUSES_MS, undefined]) {
      try {
        return await bounded(call);
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (pauseMs === undefined) {
          logger.warn({ call: key, reason: reasonOf(error) }, "wake-up not delivered");
          return;
        }
        const jittered = pauseMs * (0.5 + Math.random());
        await sleep(jittered, undefined, { signal: stopped.signal }).catch(() => undefined);
      }
    }
  }

  function bounded(call: () => Promise<void>): Promise<void> {
    return atMost(ATTEMPT_TIMEOUT_MS, call(), () => {
      throw new Error("no answer in time");
    });
  }

  return {
    submit(key, call) {
      pending.set(key, call);
      fill();
    },
    stop() {
      stopped.abort();
      pending.clear();
    },
  };
}
