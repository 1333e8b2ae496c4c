import { createFleetTally, type FleetTally } from "../domain/fleet-tally.ts";
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
  /** The counts of the last reading of all rows; undefined if it failed or is too old. */
  counts(): SentinelCount[] | undefined;
  /** The whole tally of that reading; undefined as above. `readMs`: when the reading began (unix ms). */
  tally(): { tally: FleetTally; readMs: number } | undefined;
}

/** Three of the watcher's re-checks (ms). */
const STALE_MS = 90_000;

/** Counts the running sentinels among rows that are read anyway: a count in MySQL would be one more look at every row. */
export function countFleet(
  store: Pick<SentinelStore, "observedRows">,
  now: () => number = performance.now.bind(performance),
): FleetCount {
  let last: { tally: FleetTally; readMs: number; doneMs: number } | undefined;
  /** Of the reading under way, which may be done in several goes. */
  let reading = { tally: createFleetTally(), readMs: 0 };
  const fresh = () => (last !== undefined && now() - last.doneMs < STALE_MS ? last : undefined);
  return {
    async *observedRows(after = "") {
      if (after === "") reading = { tally: createFleetTally(), readMs: Date.now() };
      try {
        for await (const page of store.observedRows(after)) {
          for (const row of page) reading.tally.add(row);
          yield page;
        }
      } catch (error) {
        last = undefined;
        throw error;
      }
      last = { ...reading, doneMs: now() };
    },
    counts: () => fresh()?.tally.counts(),
    tally: fresh,
  };
}
