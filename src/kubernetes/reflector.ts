import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../log.ts";
import { createOutage } from "../util/outage.ts";
import { reasonOf } from "../util/reason.ts";
import type { ClusterConnection } from "./connection.ts";
import { TransientKubernetesError } from "./errors.ts";
import {
  GoneError,
  type ListedObject,
  newestVersion,
  type Resource,
  readObject,
  SilenceError,
  watchEvents,
} from "./list-watch.ts";
import { createLister } from "./listing.ts";
import { type ReflectorHandlers, shielded } from "./reflector-handlers.ts";
import { createWaiters } from "./waiters.ts";

export interface Reflector {
  readonly synced: boolean;
  /** When the API server was last heard of, in unix ms; 0: never. */
  readonly lastContactMs: number;
  /** False: what the handlers were told may be older than 40 s, or 15 s while no stream lasts. Then a LIST is wanted. */
  readonly current: boolean;
  /** Resolves after a LIST that began later than this call; rejects when there is none within `timeoutMs`. */
  relist(timeoutMs?: number): Promise<void>;
  /**
   * Reads one object, and tells the handlers of it as it is now.
   * @throws TransientKubernetesError
   */
  refresh(name: string, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

export interface ReflectorOptions<T> {
  connection: ClusterConnection;
  resource: Resource;
  handlers: ReflectorHandlers<T>;
  logger: Logger;
  /** How long one stream lasts before it is opened anew, in seconds: also how long a hung one can go unnoticed. */
  streamSeconds?: number;
  /** How often everything is listed though no watch was interrupted, in ms. */
  listEveryMs?: number;
  /** Most objects that are listed in one request. */
  pageSize?: number;
}

const STREAM_SECONDS = 25;
/** A watch is trusted; what some proxy or bug kept from it is found after this long. */
const LIST_EVERY_MS = 10 * 60_000;
/** Several replicas and clusters do not list at the same moment: the time varies by up to this fraction. */
const LIST_JITTER = 0.2;
/** Longer than a stream lasts and a hung one goes unnoticed. */
const CURRENT_FOR_MS = 40_000;
/** One failure is a broken connection, and the next stream goes on where it was. After this many there is no stream. */
const LOST_AFTER = 2;
/** Without a stream, what was listed is up to date for less than the time between two re-checks. */
const LISTED_FOR_MS = 15_000;
const RELIST_TIMEOUT_MS = 30_000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** A stream that lasted this long was a good one, even without a single event. */
const GOOD_STREAM_MS = 1_000;

/** LIST, then WATCH, for ever: no failure of the API, its connections or the handlers ends it. */
export function reflect<T extends ListedObject>(options: ReflectorOptions<T>): Reflector {
  const { connection, resource, logger } = options;
  const { streamSeconds = STREAM_SECONDS, listEveryMs = LIST_EVERY_MS, pageSize } = options;
  const handlers = shielded(options.handlers, connection.name, logger);
  const stopped = new AbortController();
  /** Aborted to leave the stream, or a pause, for a LIST. */
  let cycle = new AbortController();
  const waiters = createWaiters();
  /** Where the next stream goes on; undefined: LIST first. */
  let version: string | undefined;
  let synced = false;
  let lastContactMs = 0;
  /** When the handlers had last been told everything, in unix ms. */
  let completeMs = 0;
  let nextListMs = 0;
  let up = false;
  let failures = 0;
  const context = { cluster: connection.name, resource: resource.title };
  const interruption = createOutage(logger, { begins: "watch interrupted", ends: "watch goes on" }, context);
  const lister = createLister({
    ...{ connection, resource, handlers, logger, waiters, pageSize },
    signal: stopped.signal,
    heard: () => {
      lastContactMs = Date.now();
    },
  });

  async function loop(): Promise<void> {
    while (!stopped.signal.aborted) {
      cycle = new AbortController();
      const startedMs = Date.now();
      try {
        if (version === undefined || waiters.some || startedMs > nextListMs) {
          await list();
        } else {
          await stream(version);
          failures = 0;
          goesOn();
        }
      } catch (error) {
        if (stopped.signal.aborted || cycle.signal.aborted) continue;
        if (error instanceof GoneError || error instanceof SilenceError) version = undefined;
        tellMetrics(false);
        failures = Date.now() - startedMs > GOOD_STREAM_MS && lastContactMs > startedMs ? 1 : failures + 1;
        const pauseMs = backoffMs(failures, error);
        // A cluster that is away is told once, by its health.
        if (connection.health.current.reachable) {
          interruption.begin({ pauseMs, reason: reasonOf(error) });
        }
        await pause(pauseMs);
      }
    }
  }

  async function list(): Promise<void> {
    version = undefined;
    const listed = await lister.list();
    version = listed.version;
    completeMs = Date.now();
    nextListMs = completeMs + listEveryMs * (1 + LIST_JITTER * (2 * Math.random() - 1));
    tellMetrics(true);
    if (!synced) {
      synced = true;
      handlers.synced();
    }
    listed.served.resolve();
  }

  async function stream(from: string): Promise<void> {
    const signal = AbortSignal.any([stopped.signal, cycle.signal]);
    const openedMs = Date.now();
    let silent = true;
    for await (const event of watchEvents<T>(connection, resource, from, streamSeconds, signal)) {
      lastContactMs = Date.now();
      if (event.type === "ERROR") {
        // After any error (410 as a rule) this history cannot be trusted any more.
        version = undefined;
        if (event.object.code === 410) throw new GoneError();
        throw new TransientKubernetesError(`watch ended with an error: ${event.object.message ?? "unknown"}`);
      }
      silent = false;
      goesOn();
      version = event.object.metadata?.resourceVersion ?? version;
      completeMs = lastContactMs;
      if (event.type === "BOOKMARK") continue;
      const { object } = event;
      if (event.type === "DELETED") handlers.deleted(object.metadata?.name ?? "");
      else handlers.changed(object);
    }
    if (Date.now() - openedMs < GOOD_STREAM_MS)
      throw new TransientKubernetesError("the stream ended at once");
    if (silent && (await isBehind(from))) version = undefined;
    else completeMs = Date.now();
  }

  /** What only a stream can show: a server may be listed and not watched. */
  function goesOn(): void {
    interruption.end();
    tellMetrics(true);
  }

  /** A server that was set back is silent about the present until it has come as far as the version asked for. */
  async function isBehind(from: string): Promise<boolean> {
    return Number(await newestVersion(connection, resource, stopped.signal)) < Number(from);
  }

  /** Each failure counts, and each change. */
  function tellMetrics(isUp: boolean): void {
    if (up && isUp) return;
    up = isUp;
    connection.metrics?.watch(connection.name, resource.title.toLowerCase(), up);
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
    get current() {
      return synced && Date.now() - completeMs < (failures < LOST_AFTER ? CURRENT_FOR_MS : LISTED_FOR_MS);
    },
    relist: async (timeoutMs = RELIST_TIMEOUT_MS) => {
      const listed = waiters.wait(timeoutMs, stopped.signal);
      cycle.abort();
      if (await listed) return;
      throw new TransientKubernetesError(`no LIST of the ${resource.title} of ${connection.name}`);
    },
    refresh: async (name, signal) => {
      const either = AbortSignal.any([stopped.signal, signal]);
      const object = await readObject<T>(connection, resource, name, either);
      if (object === undefined) handlers.deleted(name);
      else handlers.changed(object);
    },
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
