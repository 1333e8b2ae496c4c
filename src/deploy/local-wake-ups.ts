import type { DeploymentSnapshot } from "../domain/convergence.ts";

/**
 * The short way from this process' watch to a Deploy that is at work in the same process: what happens while the Deploy
 * is looking needs no NotifyReady. Whoever is told decides for itself.
 */
export interface Sightings {
  expect(sentinelId: string): Sighting;
  /**
   * True when a Deploy of this process was told, and will look after this moment; else it has to be woken.
   * @param deployment as the watch has just seen it; absent: it is not known, or gone
   */
  tell(sentinelId: string, deployment?: DeploymentSnapshot): boolean;
}

/** One Deploy's expectation. It ends with the first `next` that answers undefined, or with `end`. */
export interface Sighting {
  /** As soon as there was something to see since the last answer; undefined when there was nothing for a while. */
  next(): Promise<Sight | undefined>;
  end(): void;
}

export interface Sight {
  /** The newest that there was to see. */
  deployment?: DeploymentSnapshot;
}

/**
 * How long (ms) a Deploy stays at it once it begins to wait: enough for what converges at once, and well below the time
 * after which a Deploy is to be suspended.
 */
const PATIENCE_MS = 500;

export function createSightings(patienceMs = PATIENCE_MS): Sightings {
  const expecting = new Map<string, Set<(sight: Sight) => void>>();
  return {
    expect(sentinelId) {
      let deadlineMs: number | undefined;
      let seen: Sight | undefined;
      let wake: () => void = () => undefined;
      const told = (sight: Sight) => {
        seen = sight;
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
          if (seen === undefined) {
            const { promise, resolve } = Promise.withResolvers<void>();
            // From the moment in which the patience is over nobody is told here any more.
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
          seen = undefined;
          return answer;
        },
      };
    },
    tell(sentinelId, deployment) {
      const all = expecting.get(sentinelId);
      for (const told of all ?? []) told(deployment === undefined ? {} : { deployment });
      return all !== undefined;
    },
  };
}
