import { setTimeout as sleep } from "node:timers/promises";
import type { V1Deployment } from "@kubernetes/client-node";
import type { DeploymentSnapshot } from "../domain/convergence.ts";
import type { Logger } from "../log.ts";
import type { ClusterConnection } from "./connection.ts";
import { TransientKubernetesError } from "./errors.ts";
import { GoneError, listPages, watchEvents } from "./feed.ts";
import { snapshotOf } from "./snapshot.ts";

/** A Deployment of the watch, with the sentinel that its label names. */
export interface WatchedDeployment extends DeploymentSnapshot {
  sentinelId: string;
}

export interface WatchHandlers {
  onChange(deployment: WatchedDeployment): void;
  onDelete(k8sName: string, sentinelId: string): void;
  /** The first LIST is complete: what `get` does not know does not exist. */
  onSynced(): void;
}

export interface DeploymentWatch {
  readonly synced: boolean;
  /** When the API server was last heard of, in unix ms; 0: never. */
  readonly lastContactMs: number;
  get(k8sName: string): WatchedDeployment | undefined;
  /** Resolves after a LIST that began later than this call; rejects when there is none within `timeoutMs`. */
  relist(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface WatchOptions {
  connection: ClusterConnection;
  namespace: string;
  containerName: string;
  handlers: WatchHandlers;
  logger: Logger;
  /** How long one stream lasts before it is opened anew, in seconds: also how long a hung one can go unnoticed. */
  streamSeconds?: number;
}

const SENTINEL_LABEL = "unkey.com/sentinel.id";
const STREAM_SECONDS = 25;
const RELIST_TIMEOUT_MS = 20_000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** A stream that lasted this long was a good one, even without a single event. */
const GOOD_STREAM_MS = 1_000;
/** Of a long outage every so many failures are logged. */
const LOG_EVERY = 10;

/** LIST, then WATCH, for ever: whatever happens to the API, its connections or the handlers, it goes on. */
export function watchDeployments(options: WatchOptions): DeploymentWatch {
  const { connection, namespace, handlers, logger, streamSeconds = STREAM_SECONDS } = options;
  const cache = new Map<string, WatchedDeployment>();
  const stopped = new AbortController();
  /** Aborted to leave the stream, or a pause, for a LIST. */
  let cycle = new AbortController();
  let waiting: (() => void)[] = [];
  /** Where the next stream goes on; undefined: LIST first. */
  let version: string | undefined;
  let synced = false;
  let lastContactMs = 0;

  async function loop(): Promise<void> {
    let failures = 0;
    while (!stopped.signal.aborted) {
      cycle = new AbortController();
      const startedMs = Date.now();
      try {
        if (version === undefined || waiting.length > 0) {
          await list();
        } else {
          await stream(version);
          failures = 0;
        }
      } catch (error) {
        if (stopped.signal.aborted || cycle.signal.aborted) continue;
        if (error instanceof GoneError) version = undefined;
        failures = Date.now() - startedMs > GOOD_STREAM_MS && lastContactMs > startedMs ? 1 : failures + 1;
        const pauseMs = backoffMs(failures, error);
        if (failures % LOG_EVERY === 1) {
          const reason = error instanceof Error ? error.message : "unknown error";
          logger.warn({ cluster: connection.name, failures, pauseMs, reason }, "watch interrupted");
        }
        await pause(pauseMs);
      }
    }
  }

  async function list(): Promise<void> {
    const served = waiting;
    waiting = [];
    const seen = new Set<string>();
    try {
      for await (const page of listPages(connection, namespace, stopped.signal)) {
        lastContactMs = Date.now();
        version = page.resourceVersion;
        for (const item of page.items) {
          seen.add(item.metadata?.name ?? "");
          changed(item);
        }
      }
    } catch (error) {
      version = undefined;
      waiting = [...served, ...waiting];
      throw error;
    }
    for (const [name, { sentinelId }] of cache) if (!seen.has(name)) deleted(name, sentinelId);
    if (!synced) {
      synced = true;
      calling(() => handlers.onSynced());
    }
    for (const resolve of served) resolve();
  }

  async function stream(from: string): Promise<void> {
    const signal = AbortSignal.any([stopped.signal, cycle.signal]);
    const openedMs = Date.now();
    for await (const event of watchEvents(connection, namespace, from, streamSeconds, signal)) {
      lastContactMs = Date.now();
      if (event.type === "ERROR") {
        // Whatever it is (410 as a rule), this history cannot be trusted any more.
        version = undefined;
        if (event.object.code === 410) throw new GoneError();
        throw new TransientKubernetesError(`watch ended with an error: ${event.object.message ?? "unknown"}`);
      }
      version = event.object.metadata?.resourceVersion ?? version;
      if (event.type === "DELETED") forget(event.object);
      else if (event.type !== "BOOKMARK") changed(event.object);
    }
    if (Date.now() - openedMs < GOOD_STREAM_MS)
      throw new TransientKubernetesError("the stream ended at once");
  }

  function changed(item: V1Deployment): void {
    calling(() => {
      const sentinelId = item.metadata?.labels?.[SENTINEL_LABEL];
      if (sentinelId === undefined) return;
      const snapshot: WatchedDeployment = { ...snapshotOf(item, options.containerName), sentinelId };
      const before = cache.get(snapshot.name);
      if (before !== undefined && sameSnapshot(before, snapshot)) return;
      cache.set(snapshot.name, snapshot);
      handlers.onChange(snapshot);
    });
  }

  function forget(item: V1Deployment): void {
    const name = item.metadata?.name ?? "";
    const known = cache.get(name);
    if (known !== undefined) deleted(name, known.sentinelId);
  }

  function deleted(name: string, sentinelId: string): void {
    cache.delete(name);
    calling(() => handlers.onDelete(name, sentinelId));
  }

  /** A handler that throws must not cost the others their events. */
  function calling(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      logger.error({ cluster: connection.name, err: error }, "watch handler failed");
    }
  }

  async function pause(ms: number): Promise<void> {
    const signal = AbortSignal.any([stopped.signal, cycle.signal]);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }

  const running = loop();
  return {
    get synced() {
      return synced;
    },
    get lastContactMs() {
      return lastContactMs;
    },
    get: (k8sName) => cache.get(k8sName),
    relist: (timeoutMs = RELIST_TIMEOUT_MS) =>
      new Promise<void>((resolve, reject) => {
        const done = () => {
          clearTimeout(timer);
          stopped.signal.removeEventListener("abort", giveUp);
          resolve();
        };
        const giveUp = () => {
          clearTimeout(timer);
          waiting = waiting.filter((waiter) => waiter !== done);
          stopped.signal.removeEventListener("abort", giveUp);
          reject(new TransientKubernetesError(`no LIST of the Deployments of ${connection.name}`));
        };
        const timer = setTimeout(giveUp, timeoutMs);
        stopped.signal.addEventListener("abort", giveUp);
        waiting.push(done);
        cycle.abort();
      }),
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}

function backoffMs(failures: number, error: unknown): number {
  const asked = error instanceof TransientKubernetesError ? (error.retryAfterMs ?? 0) : 0;
  const ceiling = Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 10), MAX_BACKOFF_MS);
  return Math.round(Math.max(asked, ceiling * (0.5 + Math.random() / 2)));
}

function sameSnapshot(a: WatchedDeployment, b: WatchedDeployment): boolean {
  const one: Record<string, unknown> = { ...a };
  const other: Record<string, unknown> = { ...b };
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((key) => one[key] === other[key]);
}
