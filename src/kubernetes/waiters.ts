/** Those who wait for the next time that something is done as a whole. */
export interface Waiters {
  readonly some: boolean;
  /** Resolves to true when it was done, to false after `timeoutMs` or when the signal aborts. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Those who wait now, for what begins now: who comes later waits for the next time. */
  take(): { resolve(): void /** It failed: they go on waiting. */; giveBack(): void };
}

export function createWaiters(): Waiters {
  let waiting = new Set<() => void>();
  return {
    get some() {
      return waiting.size > 0;
    },
    wait: (timeoutMs, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve(false);
        const end = (isDone: boolean) => {
          clearTimeout(timer);
          signal.removeEventListener("abort", giveUp);
          waiting.delete(done);
          resolve(isDone);
        };
        const done = () => end(true);
        const giveUp = () => end(false);
        const timer = setTimeout(giveUp, timeoutMs);
        signal.addEventListener("abort", giveUp);
        waiting.add(done);
      }),
    take() {
      const taken = waiting;
      waiting = new Set();
      return {
        resolve: () => {
          for (const done of taken) done();
        },
        giveBack: () => {
          waiting = new Set([...taken, ...waiting]);
        },
      };
    },
  };
}
