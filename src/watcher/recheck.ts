import type { DeploymentWatch } from "../kubernetes/deployment-watch.ts";
import type { Logger } from "../log.ts";
import type { RecheckResult } from "../metrics/work.ts";
import type { ObservedRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { createOutage } from "../util/outage.ts";
import { reasonOf } from "../util/reason.ts";
import type { ObservedColumns } from "./observed-columns.ts";
import { createTrigger } from "./trigger.ts";

export interface RecheckOptions {
  store: Pick<SentinelStore, "observedRows" | "isRewritten">;
  columns: Pick<ObservedColumns, "learn" | "learntAll" | "known" | "touch">;
  watches: readonly DeploymentWatch[];
  /** Undefined: the row's region has no cluster. */
  watchOf(row: Pick<ObservedRow, "regionId">): DeploymentWatch | undefined;
  /** Wakes the Deploy of a row that is under way, if there is something for it to look at. */
  remind(row: ObservedRow): void;
  /** Settles a row that is left failed though its sentinel has come up since: late, or because the cause was mended. */
  heal(id: string, updatedAtMs: number): void;
  /** Settles a row whose Deploy, begun at `beganMs`, is dead. */
  settleAbandoned(id: string, beganMs: number): void;
  onOver?(result: RecheckResult, seconds: number): void;
  deployTimeoutMs: number;
  /** Time between the beginnings of two re-checks, which none of them exceeds. */
  periodMs: number;
  logger: Logger;
}

export interface Recheck {
  /** As soon as possible rather than when it is time. */
  soon(): void;
  stop(): Promise<void>;
}

/** After a re-check that failed, as when MySQL was away. */
const RETRY_MS = 5_000;
/** A row whose Deploy may be dead by then brings the next re-check forward, but not closer to the last one than this. */
const LEAST_PAUSE_MS = 5_000;
/** A Deploy that lives settles its row at its deadline, but for its last look's turn and answer: after that it is dead. */
const ABANDONED_AFTER_MS = 25_000;
/** Most Deployments of a cluster that are read one by one; where more are in doubt a LIST is cheaper. */
const MOST_READS = 200;

/**
 * Compares all running rows with what the watches show, again and again: it catches what the watch, MySQL or a wake-up lost,
 * and what others wrote. Only where a row differs is Kubernetes asked, for the row may be newer than what was watched.
 */
export function startRecheck(options: RecheckOptions): Recheck {
  const { store, columns, watches, watchOf, periodMs, logger } = options;
  const stopped = new AbortController();
  const now = createTrigger();
  const failure = createOutage(logger, { begins: "re-check failed", ends: "re-check works again" });
  const slowness = createOutage(logger, {
    begins: "re-check takes longer than its period",
    ends: "re-check is in time again",
  });
  /** The reading of all rows, which may take several re-checks. */
  let after = "";
  /** When (unix ms) the next row is to be settled if its Deploy has not done so. */
  let nextMs = Number.POSITIVE_INFINITY;

  /** @returns how it ended, but for what it throws */
  async function recheck(startedMs: number): Promise<RecheckResult> {
    const late = watches.filter((each) => !each.current);
    // A cluster that does not answer does not hold up the others: its rows have their turn once it has listed.
    for (const each of late) {
      if (!each.synced) continue;
      each.relist().then(now.fire, () => undefined);
    }
    if (after === "") nextMs = Number.POSITIVE_INFINITY;
    const doubts = new Map<DeploymentWatch, string[]>();
    const halfMs = startedMs + periodMs / 2;
    let finished = true;
    for await (const rows of store.observedRows(after)) {
      sortOut(rows, new Set(late), doubts);
      await healLate(rows);
      if (Date.now() < halfMs) continue;
      after = rows.at(-1)?.id ?? "";
      finished = false;
      break;
    }
    if (finished) {
      after = "";
      columns.learntAll();
    }
    await Promise.all([...doubts].map(([watch, ids]) => readDoubted(watch, ids, startedMs + periodMs)));
    if (!finished) return "unfinished";
    return late.length === 0 ? "ok" : "partial";
  }

  function sortOut(
    rows: ObservedRow[],
    late: ReadonlySet<DeploymentWatch>,
    doubts: Map<DeploymentWatch, string[]>,
  ): void {
    for (const id of columns.learn(rows)) {
      const row = columns.known(id);
      const watch = row === undefined ? undefined : watchOf(row);
      if (watch === undefined || late.has(watch)) continue;
      const ids = doubts.get(watch);
      if (ids === undefined) doubts.set(watch, [id]);
      else ids.push(id);
    }
    for (const row of rows) {
      if (row.deployStatus !== "progressing") continue;
      settleAbandoned(row);
      const watch = watchOf(row);
      if (watch === undefined || !late.has(watch)) options.remind(row);
    }
  }

  /** A failed sentinel that runs the image of its row has come up since. Many rows have few pairs of images. */
  async function healLate(rows: readonly ObservedRow[]): Promise<void> {
    const runs = new Map<string, boolean>();
    for (const { id, deployStatus, health, image, runningImage, updatedAtMs } of rows) {
      if (deployStatus !== "failed" || (health !== "healthy" && health !== "paused")) continue;
      const pair = JSON.stringify([image, runningImage]);
      const known = runs.get(pair);
      const same = known ?? (image === runningImage || (await store.isRewritten(image, runningImage)));
      runs.set(pair, same);
      if (same) options.heal(id, updatedAtMs ?? 0);
    }
  }

  /** What Kubernetes shows after the row was read is newer than anything in it. */
  async function readDoubted(watch: DeploymentWatch, ids: string[], overMs: number): Promise<void> {
    const leftMs = Math.max(overMs - Date.now(), 0);
    const signal = AbortSignal.any([AbortSignal.timeout(leftMs), stopped.signal]);
    const many = ids.length > MOST_READS;
    try {
      if (many) await watch.relist(leftMs);
      for (const id of ids) {
        const row = columns.known(id);
        if (row === undefined) continue;
        if (!many) await watch.refresh(row.k8sName, signal);
        columns.touch(id);
      }
    } catch {
      // The cluster's own trouble, told by its health: the next re-check asks again.
    }
  }

  function settleAbandoned({ id, updatedAtMs }: ObservedRow): void {
    const beganMs = updatedAtMs ?? 0;
    const deadMs = beganMs + options.deployTimeoutMs + ABANDONED_AFTER_MS;
    if (Date.now() > deadMs) options.settleAbandoned(id, beganMs);
    else nextMs = Math.min(nextMs, deadMs);
  }

  /** @returns how long (ms) to wait for the next one */
  async function once(): Promise<number> {
    const startedMs = Date.now();
    let result: RecheckResult = "error";
    try {
      result = await recheck(startedMs);
      failure.end();
    } catch (error) {
      if (stopped.signal.aborted) return 0;
      failure.begin({ reason: reasonOf(error) });
    }
    const tookMs = Date.now() - startedMs;
    options.onOver?.(result, tookMs / 1_000);
    if (result === "unfinished") slowness.begin({ seconds: Math.round(tookMs / 1_000) });
    else if (result !== "error") slowness.end();
    if (result === "error") return Math.min(periodMs, RETRY_MS);
    const regularMs = Math.max(periodMs - tookMs, periodMs / 2);
    return Math.min(regularMs, Math.max(nextMs - Date.now(), LEAST_PAUSE_MS));
  }

  async function loop(): Promise<void> {
    for (let pauseMs = periodMs; ; pauseMs = await once()) {
      await now.wait(pauseMs, stopped.signal);
      if (stopped.signal.aborted) return;
    }
  }

  const running = loop();
  return {
    soon: () => now.fire(),
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}
