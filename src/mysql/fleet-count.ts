import type { DeployStatus } from "./row.ts";
import type { SentinelStore } from "./sentinels.ts";

/** How many running sentinels of a region have a deploy_status. */
export interface SentinelCount {
  regionId: string;
  deployStatus: DeployStatus;
  count: number;
}

export interface FleetCount {
  /** Reads the rows, and counts them on the way. */
  observedRows: SentinelStore["observedRows"];
  /** Of the last time that all rows were read; undefined where that failed, or was too long ago. */
  counts(): SentinelCount[] | undefined;
}

/** Three of the watcher's re-checks (ms). */
const STALE_MS = 90_000;

/** Counts the running sentinels among rows that are read anyway: a count in MySQL would be one more look at every row. */
export function countFleet(
  store: Pick<SentinelStore, "observedRows">,
  now: () => number = performance.now.bind(performance),
): FleetCount {
  let last: { counts: SentinelCount[]; readMs: number } | undefined;
  /** Of the reading under way, which may be done in several goes. */
  const counts = new Map<string, SentinelCount>();
  return {
    async *observedRows(after = "") {
      if (after === "") counts.clear();
      try {
        for await (const page of store.observedRows(after)) {
          for (const { regionId, deployStatus } of page) {
            const key = JSON.stringify([regionId, deployStatus]);
            const known = counts.get(key) ?? { regionId, deployStatus, count: 0 };
            counts.set(key, { ...known, count: known.count + 1 });
          }
          yield page;
        }
      } catch (error) {
        last = undefined;
        throw error;
      }
      last = { counts: [...counts.values()], readMs: now() };
    },
    counts: () => (last !== undefined && now() - last.readMs < STALE_MS ? last.counts : undefined),
  };
}
