import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../log.ts";
import type { ClusterConnection } from "./connection.ts";
import { TransientKubernetesError } from "./errors.ts";
import { GoneError, type ListedObject, listPages, type Resource, watchEvents } from "./feed.ts";

/** What is done with the objects; it keeps of them what it needs. */
export interface ReflectorHandlers<T> {
  changed(object: T): void;
  deleted(name: string): void;
  /** The names of all objects that were not deleted yet, to find out after a LIST which ones are gone. */
  known(): Iterable<string>;
  /** The first LIST is complete. */
  synced(): void;
}

export interface Reflector {
  readonly synced: boolean;
  /** When the API server was last heard of, in unix ms; 0: never. */
  readonly lastContactMs: number;
  /** Resolves after a LIST that began later than this call; rejects when there is none within `timeoutMs`. */
  relist(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface ReflectorOptions<T> {
  connection: ClusterConnection;
  resource: Resource;
  handlers: ReflectorHandlers<T>;
  logger: Logger;
  /** How long one stream lasts before it is opened anew, in seconds: also how long a hung one can go unnoticed. */
  streamSeconds?: number;
}

const STREAM_SECONDS = 25;
/** Half of the time between two re-checks: a cluster that does not answer does not put off the others' next one. */
const RELIST_TIMEOUT_MS = 15_000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** A stream that lasted this long was a good one, even without a single event. */
const GOOD_STREAM_MS = 1_000;
/** Of trouble that lasts every so many failures are logged. */
const LOG_EVERY = 10;

/** LIST, then WATCH, for ever: whatever happens to the API, its connections or the handlers, it goes on. */
export function reflect<T extends ListedObject>(options: ReflectorOptions<T>): Reflector {
  const { connection, resource, handlers, logger, streamSeconds = STREAM_SECONDS } = options;
  const stopped = new AbortController();
  /** Aborted to leave the stream, or a pause, for a LIST. */
  let cycle = new AbortController();
  let waiting: (() => void)[] = [];
  /** Where the next stream goes on; undefined: LIST first. */
  let version: string | undefined;
  let synced = false;
  let lastContactMs = 0;
  let up = false;

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
        tellMetrics(false);
        failures = Date.now() - startedMs > GOOD_STREAM_MS && lastContactMs > startedMs ? 1 : failures + 1;
        const pauseMs = backoffMs(failures, error);
        // A cluster that is away is told once, by its health.
        if (failures % LOG_EVERY === 1 && connection.health.current.reachable) {
          const reason = error instanceof Error ? error.message : "unknown error";
          logger.warn(
            { cluster: connection.name, resource: resource.title, failures, pauseMs, reason },
            "watch interrupted",
          );
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
      for await (const page of listPages<T>(connection, resource, stopped.signal)) {
        lastContactMs = Date.now();
        version = page.resourceVersion;
        for (const item of page.items) {
          seen.add(item.metadata?.name ?? "");
          calling(() => handlers.changed(item));
        }
      }
    } catch (error) {
      version = undefined;
      waiting = [...served, ...waiting];
      throw error;
    }
    for (const name of [...handlers.known()]) if (!seen.has(name)) calling(() => handlers.deleted(name));
    tellMetrics(true);
    if (!synced) {
      synced = true;
      calling(() => handlers.synced());
    }
    for (const resolve of served) resolve();
  }

  async function stream(from: string): Promise<void> {
    const signal = AbortSignal.any([stopped.signal, cycle.signal]);
    const openedMs = Date.now();
    for await (const event of watchEvents<T>(connection, resource, from, streamSeconds, signal)) {
      lastContactMs = Date.now();
      if (event.type === "ERROR") {
        // Whatever it is (410 as a rule), this history cannot be trusted any more.
        version = undefined;
        if (event.object.code === 410) throw new GoneError();
        throw new TransientKubernetesError(`watch ended with an error: ${event.object.message ?? "unknown"}`);
      }
      tellMetrics(true);
      version = event.object.metadata?.resourceVersion ?? version;
      if (event.type === "BOOKMARK") continue;
      const { object } = event;
      calling(() =>
        event.type === "DELETED" ? handlers.deleted(object.metadata?.name ?? "") : handlers.changed(object),
      );
    }
    if (Date.now() - openedMs < GOOD_STREAM_MS)
      throw new TransientKubernetesError("the stream ended at once");
    tellMetrics(true);
  }

  /** Each failure counts, and each change. */
  function tellMetrics(isUp: boolean): void {
    if (up && isUp) return;
    up = isUp;
    connection.metrics?.watch(connection.name, resource.title.toLowerCase(), up);
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
          reject(new TransientKubernetesError(`no LIST of the ${resource.title} of ${connection.name}`));
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
