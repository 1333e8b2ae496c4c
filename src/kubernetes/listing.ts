import type { Logger } from "../log.ts";
import { createOutage } from "../util/outage.ts";
import type { ClusterConnection } from "./connection.ts";
import { GoneError, type ListedObject, listPages, type Resource } from "./list-watch.ts";
import type { ReflectorHandlers } from "./reflector-handlers.ts";
import type { Waiters } from "./waiters.ts";

/** The LISTs of one resource in one cluster, one after the other. */
export interface Lister {
  /**
   * Tells the handlers of every object as it is, and of those that are gone. When a page failed, the next call goes on with it.
   * @throws TransientKubernetesError
   */
  list(): Promise<Listed>;
}

export interface Listed {
  /** Where a watch goes on from. */
  version: string;
  /** Those who waited for a LIST when this one began. */
  served: ReturnType<Waiters["take"]>;
}

export interface ListerOptions<T> {
  connection: ClusterConnection;
  resource: Resource;
  handlers: ReflectorHandlers<T>;
  logger: Logger;
  /** Those who wait for a LIST. */
  waiters: Waiters;
  /** A page has come. */
  heard(): void;
  /** Ends the LIST. */
  signal: AbortSignal;
  /** Most objects that are listed in one request. */
  pageSize: number | undefined;
}

/** A LIST that has begun. When a page fails it goes on with that page, for the server may be throttling: 600 in a row never succeed. */
interface Listing {
  startedMs: number;
  served: Listed["served"];
  /** What was known and has not been listed yet. */
  gone: Set<string>;
  /** The page that is next; empty: the first. */
  next: string;
}

/** A LIST that takes longer than the time between two re-checks is told of. */
const SLOW_LIST_MS = 30_000;

export function createLister<T extends ListedObject>(options: ListerOptions<T>): Lister {
  const { connection, resource, handlers, logger, waiters, heard, signal, pageSize } = options;
  let listing: Listing | undefined;
  const context = { cluster: connection.name, resource: resource.title };
  const slowness = createOutage(logger, { begins: "list takes long", ends: "list is quick again" }, context);

  async function list(): Promise<Listed> {
    listing ??= { startedMs: Date.now(), served: waiters.take(), gone: new Set(handlers.known()), next: "" };
    const { startedMs } = listing;
    const tookMs = () => Date.now() - startedMs;
    let complete = false;
    // It is told while it lasts: one that hangs would not be told at all.
    const tellSlow = () => slowness.begin({ seconds: SLOW_LIST_MS / 1_000 });
    const slow = setTimeout(tellSlow, SLOW_LIST_MS - tookMs());
    try {
      const listed = await listAll(listing);
      complete = true;
      return listed;
    } finally {
      clearTimeout(slow);
      if (complete && tookMs() < SLOW_LIST_MS) slowness.end();
      if (listing === undefined) {
        connection.metrics?.list(connection.name, resource.title.toLowerCase(), complete, tookMs() / 1_000);
      }
    }
  }

  async function listAll(begun: Listing): Promise<Listed> {
    const { served, gone } = begun;
    let version = "";
    try {
      for await (const page of listPages<T>(connection, resource, begun.next, signal, pageSize)) {
        heard();
        version = page.resourceVersion;
        begun.next = page.next;
        for (const item of page.items) {
          gone.delete(item.metadata?.name ?? "");
          handlers.changed(item);
        }
      }
    } catch (error) {
      if (begun.next === "" || error instanceof GoneError) {
        listing = undefined;
        served.giveBack();
      }
      throw error;
    }
    listing = undefined;
    for (const name of gone) handlers.deleted(name);
    return { version, served };
  }

  return { list };
}
