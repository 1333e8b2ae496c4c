import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../log.ts";
import type { Observation, ObservedRow, SentinelStore } from "../mysql/sentinels.ts";
import { createTrigger } from "./trigger.ts";

/**
 * Keeps the rows' observed columns as Kubernetes shows them: what changes is collected for a moment and written in
 * one statement. While MySQL is away only the names of what is to be written are kept; what is written then is what
 * is true then.
 */
export interface ObservedColumns {
  /** Something may have changed for this sentinel. */
  touch(id: string): void;
  /** All rows as they were just read; what is not among them is forgotten. */
  learn(rows: ObservedRow[]): void;
  /** Writes what differs, after Kubernetes was just read. */
  check(rows: ObservedRow[]): void;
  /** The row as last read or written. */
  known(id: string): ObservedRow | undefined;
  stop(): Promise<void>;
}

export interface ObservedColumnsOptions {
  store: Pick<SentinelStore, "observe" | "observedRowsOf">;
  /** What Kubernetes shows now for a row; undefined when it cannot be told. */
  current(row: ObservedRow): Observation | undefined;
  logger: Logger;
}

/** How long changes are collected: short for an operator, long enough for a wave's changes to share a statement. */
const COLLECT_MS = 20;
const BATCH = 1_000;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5_000;

export function keepObservedColumns(options: ObservedColumnsOptions): ObservedColumns {
  const { store, current, logger } = options;
  const rows = new Map<string, ObservedRow>();
  /** Ids of Deployments' labels that no row has, as of the last full reading. */
  const strangers = new Set<string>();
  const dirty = new Set<string>();
  const trigger = createTrigger();
  const stopped = new AbortController();

  async function loop(): Promise<void> {
    let failures = 0;
    while (!stopped.signal.aborted) {
      if (dirty.size === 0) await trigger.wait(Number.POSITIVE_INFINITY, stopped.signal);
      await pause(COLLECT_MS);
      if (stopped.signal.aborted) return;
      const ids = [...dirty].slice(0, BATCH);
      for (const id of ids) dirty.delete(id);
      try {
        await write(ids);
        failures = 0;
      } catch (error) {
        for (const id of ids) dirty.add(id);
        const reason = error instanceof Error ? error.message : "unknown error";
        if (failures === 0) logger.warn({ reason, waiting: dirty.size }, "observed state not written");
        await pause(Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS) * (0.5 + Math.random() / 2));
        failures++;
      }
    }
  }

  async function write(ids: string[]): Promise<void> {
    const unknown = ids.filter((id) => !rows.has(id) && !strangers.has(id));
    if (unknown.length > 0) {
      for (const id of unknown) strangers.add(id);
      try {
        for (const row of await store.observedRowsOf(unknown)) {
          rows.set(row.id, row);
          strangers.delete(row.id);
        }
      } catch (error) {
        for (const id of unknown) strangers.delete(id);
        throw error;
      }
    }
    const batch = ids.flatMap((id) => difference(rows.get(id)) ?? []);
    if (batch.length === 0) return;
    await store.observe(batch);
    for (const { id, observed } of batch) {
      const row = rows.get(id);
      if (row !== undefined) rows.set(id, { ...row, ...observed });
    }
  }

  function difference(row: ObservedRow | undefined): { id: string; observed: Observation } | undefined {
    const observed = row === undefined ? undefined : current(row);
    if (row === undefined || observed === undefined) return undefined;
    const same =
      row.health === observed.health &&
      row.availableReplicas === observed.availableReplicas &&
      (observed.runningImage === undefined || row.runningImage === observed.runningImage);
    return same ? undefined : { id: row.id, observed };
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
    learn(read) {
      strangers.clear();
      rows.clear();
      for (const row of read) rows.set(row.id, row);
    },
    check(read) {
      for (const { id } of read) if (difference(rows.get(id)) !== undefined) touch(id);
    },
    known: (id) => rows.get(id),
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}
