import type { DeploymentSnapshot } from "../domain/convergence.ts";

/**
 * The short way from this process' watch to a Deploy that is at work in the same process: what happens while the Deploy
 * is looking needs no NotifyReady. It is a hint like any other: the Deploy that gets it looks for itself.
 */
export interface Hints {
  expect(sentinelId: string): Listening;
  /**
   * True when a Deploy of this process was told, and will look after this moment. Also true when the Deploy that looked last has
   * just seen the same converge, and so waits for nothing. Else it has to be woken.
   * @param converged what the watch has seen converge, where that is the news
   */
  tell(sentinelId: string, converged?: Update): boolean;
}

/** One update of one Deployment. */
export type Update = Pick<DeploymentSnapshot, "uid" | "generation">;

/** One Deploy's expectation. It ends with the first `next` that answers false, or with `end`. */
export interface Listening {
  /** True as soon as there was something to see since the last answer; false when there was nothing for a while. */
  next(): Promise<boolean>;
  /** It has seen this converge. An attempt that is over, and does not know, says so in vain. */
  saw(update: Update): void;
  end(): void;
}

/**
 * How long (ms) a Deploy stays at it once it begins to wait: enough for what converges at once, and well below the time
 * after which a Deploy is to be suspended.
 */
const PATIENCE_MS = 500;
/** How long (ms) it counts that a Deploy has seen an update converge: the watch is not further behind. */
const SEEN_MS = 2_000;
/** This many updates are remembered; one that is forgotten costs a wake-up. */
const SEEN = 2_000;

interface Newest {
  listening: Listening;
  seen?: Update & { atMs: number };
}

export function createHints(patienceMs = PATIENCE_MS, seenMs = SEEN_MS): Hints {
  const expecting = new Map<string, Set<() => void>>();
  /** By sentinel: who looked last; the oldest first. */
  const newest = new Map<string, Newest>();

  function begins(sentinelId: string, listening: Listening): void {
    newest.delete(sentinelId);
    newest.set(sentinelId, { listening });
    const [oldest] = newest.keys();
    if (newest.size > SEEN && oldest !== undefined) newest.delete(oldest);
  }

  function isSeen(sentinelId: string, converged: Update | undefined): boolean {
    const { seen } = newest.get(sentinelId) ?? {};
    if (converged === undefined || seen === undefined || performance.now() - seen.atMs >= seenMs)
      return false;
    return converged.uid === seen.uid && converged.generation <= seen.generation;
  }

  return {
    expect(sentinelId) {
      let deadlineMs: number | undefined;
      let isTold = false;
      let wake: () => void = () => undefined;
      const told = () => {
        isTold = true;
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
      const listening: Listening = {
        end,
        saw({ uid, generation }) {
          const last = newest.get(sentinelId);
          if (last?.listening === listening) last.seen = { uid, generation, atMs: performance.now() };
        },
        async next() {
          deadlineMs ??= performance.now() + patienceMs;
          if (!isTold) {
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
          const answer = isTold;
          isTold = false;
          return answer;
        },
      };
      begins(sentinelId, listening);
      return listening;
    },
    tell(sentinelId, converged) {
      const all = expecting.get(sentinelId);
      for (const told of all ?? []) told();
      return all !== undefined || isSeen(sentinelId, converged);
    },
  };
}
