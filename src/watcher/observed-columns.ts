import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../log.ts";
import type { Observation, ObservedRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { createInterner } from "../util/interned.ts";
import { createOutage } from "../util/outage.ts";
import { reasonOf } from "../util/reason.ts";
import { createTrigger } from "./trigger.ts";

/** What is remembered of a row. */
export type KnownRow = Omit<ObservedRow, "image" | "deployStatus" | "updatedAtMs">;

/**
 * Keeps the rows' observed columns as Kubernetes shows them: what changes is collected for a moment and written in
 * one statement. While MySQL is away only the names of what is to be written are kept; what is written then is what
 * is true then.
 */
export interface ObservedColumns {
  /** Something may have changed for this sentinel. */
  touch(id: string): void;
  /** Rows as they were just read. @returns the ids of those that are not as Kubernetes was last seen to show, and that are not about to be written */
  learn(rows: ObservedRow[]): string[];
  /** A Deploy has written them: what it saw need not be written once more. */
  wrote(id: string, observed: Observation): void;
  /** All rows have been learnt since the last call; the others are forgotten. */
  learntAll(): void;
  /** The row as last read or written. */
  known(id: string): KnownRow | undefined;
  stop(): Promise<void>;
}

export interface ObservedColumnsOptions {
  store: Pick<SentinelStore, "observe" | "observedRowsOf">;
  /** What Kubernetes shows now for a row; undefined when it cannot be told. */
  current(row: KnownRow): Observation | undefined;
  /** The row's id and name as strings that are remembered anyway. */
  namesOf(row: KnownRow): Pick<KnownRow, "id" | "k8sName"> | undefined;
  logger: Logger;
}

/**
 * Changes are collected for COLLECT_MS (ms) after a quiet time. Under load, statements are at least APART_MS (ms) apart:
 * Deploys themselves write most of what converges meanwhile.
 */
const COLLECT_MS = 20;
const APART_MS = 250;
const BATCH = 1_000;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5_000;

interface Remembered extends KnownRow {
  /** The reading of all rows in which it was last seen. */
  reading: number;
}

export function keepObservedColumns(options: ObservedColumnsOptions): ObservedColumns {
  const { store, current, namesOf, logger } = options;
  const rows = new Map<string, Remembered>();
  /** Ids of Deployments' labels that no row has, as of the last full reading. */
  const strangers = new Set<string>();
  const dirty = new Set<string>();
  const underWay = new Set<string>();
  const intern = createInterner();
  const trigger = createTrigger();
  const stopped = new AbortController();
  const outage = createOutage(logger, {
    begins: "observed state not written",
    ends: "observed state is written again",
  });
  let reading = 0;

  async function loop(): Promise<void> {
    let failures = 0;
    let nextMs = 0;
    while (!stopped.signal.aborted) {
      if (dirty.size === 0) await trigger.wait(Number.POSITIVE_INFINITY, stopped.signal);
      await pause(Math.max(COLLECT_MS, nextMs - performance.now()));
      if (stopped.signal.aborted) return;
      nextMs = performance.now() + APART_MS;
      const ids = first(dirty, BATCH);
      for (const id of ids) {
        dirty.delete(id);
        underWay.add(id);
      }
      try {
        await write(ids);
        failures = 0;
        outage.end();
      } catch (error) {
        for (const id of ids) dirty.add(id);
        outage.begin({
          reason: reasonOf(error),
          waiting: dirty.size,
        });
        await pause(Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS) * (0.5 + Math.random() / 2));
        failures++;
      } finally {
        underWay.clear();
      }
    }
  }

  async function write(ids: string[]): Promise<void> {
    const unknown = ids.filter((id) => !rows.has(id) && !strangers.has(id));
    if (unknown.length > 0) {
      const found = await store.observedRowsOf(unknown);
      for (const id of unknown) strangers.add(id);
      for (const row of found) {
        remember(row);
        strangers.delete(row.id);
      }
    }
    const batch = ids.flatMap((id) => difference(rows.get(id)) ?? []);
    if (batch.length === 0) return;
    await store.observe(batch);
    for (const { id, observed } of batch) wrote(id, observed);
  }

  function wrote(id: string, observed: Observation): void {
    const row = rows.get(id);
    if (row !== undefined) Object.assign(row, observed);
  }

  function difference(row: KnownRow | undefined): { id: string; observed: Observation } | undefined {
    const observed = row === undefined ? undefined : current(row);
    if (row === undefined || observed === undefined) return undefined;
    const same =
      row.health === observed.health &&
      row.availableReplicas === observed.availableReplicas &&
      (observed.runningImage === undefined || row.runningImage === observed.runningImage);
    return same ? undefined : { id: row.id, observed };
  }

  /** What has not changed is kept as it is, so that nothing of 100,000 rows just read outlives their page. */
  function remember(row: ObservedRow): Remembered {
    const before = rows.get(row.id);
    if (before !== undefined && isSame(before, row)) {
      before.reading = reading;
      return before;
    }
    const { id, k8sName } = namesOf(row) ?? row;
    const kept = {
      id,
      k8sName,
      regionId: intern(row.regionId),
      health: intern(row.health),
      availableReplicas: row.availableReplicas,
      runningImage: intern(row.runningImage),
      desiredState: intern(row.desiredState),
      desiredReplicas: row.desiredReplicas,
      reading,
    };
    rows.set(before?.id ?? id, kept);
    return kept;
  }

  function touch(id: string): void {
    dirty.add(id);
    trigger.fire();
  }

  async function pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: stopped.signal }).catch(() => undefined);
  }

  const running = loop();
  return {
    touch,
    wrote,
    learn: (read) =>
      read
        .map(remember)
        .filter((row) => !dirty.has(row.id) && !underWay.has(row.id) && difference(row) !== undefined)
        .map(({ id }) => id),
    learntAll() {
      for (const [id, row] of rows) if (row.reading !== reading) rows.delete(id);
      strangers.clear();
      reading++;
    },
    known: (id) => rows.get(id),
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}

function isSame(a: KnownRow, b: KnownRow): boolean {
  return (
    a.k8sName === b.k8sName &&
    a.regionId === b.regionId &&
    a.health === b.health &&
    a.availableReplicas === b.availableReplicas &&
    a.runningImage === b.runningImage &&
    a.desiredState === b.desiredState &&
    a.desiredReplicas === b.desiredReplicas
  );
}

function first(all: Iterable<string>, most: number): string[] {
  const some: string[] = [];
  for (const each of all) {
    if (some.length === most) break;
    some.push(each);
  }
  return some;
}
