/**
 * The short way from this process' watch to a Deploy that is at work in the same process: what happens while the Deploy
 * is looking needs no NotifyReady. It is a hint like any other: the Deploy that gets it looks for itself.
 */
export interface Hints {
  expect(sentinelId: string): Listening;
  /** True when a Deploy of this process was told, and will look after this moment; else it has to be woken. */
  tell(sentinelId: string): boolean;
}

/** One Deploy's expectation. It ends with the first `next` that answers false, or with `end`. */
export interface Listening {
  /** True as soon as there was something to see since the last answer; false when there was nothing for a while. */
  next(): Promise<boolean>;
  end(): void;
}

/**
 * How long (ms) a Deploy stays at it once it begins to wait: enough for what converges at once, and well below the time
 * after which a Deploy is to be suspended.
 */
const PATIENCE_MS = 500;

export function createHints(patienceMs = PATIENCE_MS): Hints {
  const expecting = new Map<string, Set<() => void>>();
  return {
    expect(sentinelId) {
      let deadlineMs: number | undefined;
      let seen = false;
      let wake: () => void = () => undefined;
      const told = () => {
        seen = true;
        wake();
      };
      const others = expecting.get(sentinelId);
      if (others === undefined) expecting.set(sentinelId, new Set([told]));
      else others.add(told);
      const end = () => {
        const all = expecting.get(sentinelId);
        all?.delete(told);
        if (all?.size === 0) expecting.delete(sentinelId);
      };
      return {
        end,
        async next() {
          deadlineMs ??= performance.now() + patienceMs;
          if (!seen) {
            const { promise, resolve } = Promise.withResolvers<void>();
            // Once the time is over, no hint is delivered here any more.
            const over = setTimeout(
              () => {
                end();
                resolve();
              },
              Math.max(0, deadlineMs - performance.now()),
            );
            wake = resolve;
            await promise;
            clearTimeout(over);
          }
          const answer = seen;
          seen = false;
          return answer;
        },
      };
    },
    tell(sentinelId) {
      const all = expecting.get(sentinelId);
      for (const told of all ?? []) told();
      return all !== undefined;
    },
  };
}
