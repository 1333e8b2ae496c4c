import {
  createFleetTally,
  type FleetTally,
  type RegionNumbers,
  type Subject,
} from "../domain/fleet-tally.ts";
import { reasonGroups } from "../domain/reason-groups.ts";
import type { Failure } from "../domain/state.ts";
import type { FleetCount } from "../mysql/fleet-count.ts";
import type { HistoryStore } from "../mysql/history.ts";
import { DatabaseError } from "../mysql/pool.ts";
import type { ObservedRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import type { StatusDetail } from "../restate/detail-schemas.ts";
import { atMost } from "../util/at-most.ts";
import { plainText } from "../util/plain-text.ts";
import type { News } from "../watcher/news.ts";

export interface DetailOptions {
  store: Pick<SentinelStore, "observedRows" | "observedRowsOf">;
  history: Pick<HistoryStore, "failures">;
  /** What the watcher has counted as it read all rows last. */
  fleet: Pick<FleetCount, "tally">;
  /** What this process knows of a sentinel that is under way. */
  news(row: ObservedRow, rewrittenTo: string | undefined): News;
  deployTimeoutMs: number;
}

/** The rollout that it is about: its id, and the newest of its failures. */
export type DetailOf = Subject & { rolloutId: string; failures: readonly Failure[] };

/** An operator waits. The answer omits what is not known after this time (ms). */
const PATIENCE_MS = 1_400;
/** A fleet of at most this size is read on the spot, in a few pages. Of a larger one the watcher's last reading counts. */
const READ_AT_ONCE = 3_000;
/** This many of those that have been progressing longest are read again, because some of them may be done. */
const READ_AGAIN = 100;
const MOST_SLOWEST = 20;
const MOST_REGIONS = 100;
const MOST_FAILURES = 2_000;
const MOST_CHARACTERS = 300;

/** What a rollout is waiting for. Time and size are bounded for every fleet, also while MySQL or a cluster is away. */
export async function detailOf(rollout: DetailOf | undefined, options: DetailOptions): Promise<StatusDetail> {
  if (rollout === undefined) {
    return { slowest: [], by_region: [], failures_by_reason: [], detail_message: "There is no rollout." };
  }
  const [rows, failures] = await Promise.all([
    known(fleetOf(rollout, options)),
    known(options.history.failures(rollout.rolloutId, MOST_FAILURES)),
  ]);
  const own = rollout.failures.filter(({ reason }) => reason !== "");
  const told = "problem" in failures ? [] : failures.value;
  // The history may be a moment behind.
  const all = new Map([...told, ...own].map(({ id, reason }) => [id, { id, reason }]));
  const nothing = "problem" in failures && own.length === 0;
  return {
    ...("problem" in rows
      ? { slowest: null, by_region: null }
      : {
          slowest: rows.value.slowest.map((each) => slowResponse(each, rollout, options)),
          by_region: rows.value.regions.slice(0, MOST_REGIONS).map(regionResponse),
        }),
    failures_by_reason: nothing ? null : reasonGroups(all.values()),
    detail_message: messageOf(
      "problem" in rows ? rows : { readMs: rows.value.readMs },
      "problem" in failures ? failures : { some: told.length === MOST_FAILURES },
    ),
  };
}

interface Fleet {
  regions: RegionNumbers[];
  /** The oldest first. */
  slowest: ObservedRow[];
  readMs: number;
}

async function fleetOf(rollout: Subject, { store, fleet }: DetailOptions): Promise<Fleet> {
  const { tally, readMs } = await tallied(store, fleet);
  const oldest = tally.progressing(rollout.startedAtMs).slice(0, READ_AGAIN);
  const rows = oldest.length === 0 ? [] : await store.observedRowsOf(oldest.map(({ id }) => id));
  const slowest = rows
    .filter((row) => row.deployStatus === "progressing" && row.desiredState === "running")
    .sort((a, b) => (a.updatedAtMs ?? 0) - (b.updatedAtMs ?? 0) || (a.id < b.id ? -1 : 1))
    .slice(0, MOST_SLOWEST);
  return { regions: tally.regions(rollout), slowest, readMs };
}

class NotReadYet extends Error {}

async function tallied(
  store: DetailOptions["store"],
  fleet: DetailOptions["fleet"],
): Promise<{ tally: FleetTally; readMs: number }> {
  const last = fleet.tally();
  if (last !== undefined && last.tally.size > READ_AT_ONCE) return last;
  const now = { tally: createFleetTally(), readMs: Date.now() };
  for await (const page of store.observedRows()) {
    for (const row of page) now.tally.add(row);
    if (now.tally.size > READ_AT_ONCE) {
      if (last === undefined) throw new NotReadYet();
      return last;
    }
  }
  return now;
}

async function known<T>(work: Promise<T>): Promise<{ value: T } | { problem: string }> {
  const answered = work.then(
    (value) => ({ value }),
    (error) => ({ problem: problemOf(error) }),
  );
  return atMost(PATIENCE_MS, answered, () => ({ problem: `MySQL does not answer within ${PATIENCE_MS} ms` }));
}

function problemOf(error: unknown): string {
  if (error instanceof NotReadYet) return "the watcher of this replica has not read all rows yet";
  if (!(error instanceof DatabaseError)) throw error;
  return error.code === "ER_NO_SUCH_TABLE"
    ? "the tables of the history do not exist yet"
    : `MySQL does not answer as it should (${error.code})`;
}

function messageOf(
  rows: { readMs: number } | { problem: string },
  failures: { some: boolean } | { problem: string },
): string {
  const both = "problem" in rows && "problem" in failures && rows.problem === failures.problem;
  if (both) return `The detail cannot be told now: ${rows.problem}.`;
  const ofRows =
    "problem" in rows
      ? `slowest and by_region cannot be told now: ${rows.problem}`
      : `The rows are as of ${new Date(rows.readMs).toISOString()}`;
  const ofFailures =
    "problem" in failures
      ? `; failures_by_reason knows the newest failures alone: ${failures.problem}`
      : failures.some
        ? `; failures_by_reason counts ${MOST_FAILURES} of the failures`
        : "";
  return `${ofRows}${ofFailures}.`;
}

function slowResponse(
  row: ObservedRow,
  { rewrittenTo }: Subject,
  { news, deployTimeoutMs }: DetailOptions,
): NonNullable<StatusDetail["slowest"]>[number] {
  const { lacks, pods = "", heardMs } = news(row, rewrittenTo);
  const sinceMs = row.updatedAtMs ?? 0;
  return {
    sentinel_id: row.id,
    region: row.regionId,
    since: new Date(sinceMs).toISOString(),
    deadline: new Date(sinceMs + deployTimeoutMs).toISOString(),
    lacks: plainText(lacks, MOST_CHARACTERS),
    pods: plainText(pods, MOST_CHARACTERS),
    news_age_seconds: heardMs === undefined ? null : Math.max(0, Math.round((Date.now() - heardMs) / 1_000)),
  };
}

function regionResponse({ region, waiting, inFlight, succeeded, failed }: RegionNumbers) {
  return { region, waiting, in_flight: inFlight, succeeded, failed };
}
