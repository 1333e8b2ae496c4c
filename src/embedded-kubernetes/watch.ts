import type { ServerResponse } from "node:http";
import type { Change } from "./change-log.ts";
import type { Clock } from "./clock.ts";
import type { KubeObject } from "./objects.ts";
import { apiVersion } from "./resources.ts";
import { type Selection, selects } from "./selectors.ts";
import { expired, statusBody } from "./status.ts";
import type { AnyCollection, Store } from "./store.ts";
import { type Table, tableBody } from "./table.ts";

export interface WatchOptions {
  /** Undefined: begin with the present objects as ADDED events. */
  since: number | undefined;
  bookmarks: boolean;
  /** Real seconds after which the server ends the watch. */
  timeoutSeconds: number;
  /** Send rows instead of objects. */
  table: Table | undefined;
}

/** How much may wait for a client that does not read; then it is cut off, and comes back. */
const BACKLOG_BYTES = 64 * 1024 * 1024;

/** How often a quiet watch is told how far it is. */
const BOOKMARK_SECONDS = 60;

/** One open watch: the changes that a client has missed, then every new one as it happens. */
export class Watch {
  readonly #store: Store;
  readonly #collection: AnyCollection;
  readonly #clock: Clock;
  readonly #selection: Selection;
  readonly #options: WatchOptions;
  readonly #response: ServerResponse;
  readonly #stops: (() => void)[] = [];
  #corked = false;
  #columnsSent = false;

  constructor(
    store: Store,
    collection: AnyCollection,
    clock: Clock,
    selection: Selection,
    options: WatchOptions,
    response: ServerResponse,
  ) {
    this.#store = store;
    this.#collection = collection;
    this.#clock = clock;
    this.#selection = selection;
    this.#options = options;
    this.#response = response;
  }

  /** Answers the request; it stays open until `end` or until the client goes. */
  start(): void {
    this.#response.writeHead(200, {
      "content-type": "application/json",
      "cache-control": "no-cache, private",
    });
    this.#response.flushHeaders();
    const { since, timeoutSeconds } = this.#options;
    if (since !== undefined && since < this.#collection.log.floor) {
      const error = expired(`too old resource version: ${since} (${this.#collection.log.floor})`);
      this.#write(`{"type":"ERROR","object":${JSON.stringify(statusBody(error))}}\n`);
      this.end();
      return;
    }
    if (since === undefined) this.#sendPresent();
    else for (const change of this.#collection.log.since(since)) this.#send(change);
    // From a version of the future on: silence until it is reached.
    const from = Math.max(since ?? 0, this.#store.version);
    this.#stops.push(
      this.#collection.listen((change) => {
        if (change.version > from) this.#send(change);
      }),
      this.#clock.afterReal(timeoutSeconds * 1000, () => {
        this.#bookmark();
        this.end();
      }),
    );
    this.#remind();
  }

  /** Ends the stream in good order. */
  end(): void {
    this.stop();
    // Node sends the end of a corked response before what is still corked.
    this.#flush();
    this.#response.end();
  }

  /** Lets go of everything; the connection is somebody else's business. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #remind(): void {
    const cancel = this.#clock.afterReal(BOOKMARK_SECONDS * 1000, () => {
      this.#bookmark();
      this.#remind();
    });
    this.#stops.push(cancel);
  }

  #sendPresent(): void {
    for (const entry of this.#collection.list(this.#selection, this.#store.version).entries) {
      this.#sendEvent("ADDED", entry.object, entry.json());
    }
    this.#bookmark({ "k8s.io/initial-events-end": "true" });
  }

  /** What the change means to this watch: an object that a label moves out of its selection is deleted for it. */
  #send({ type, entry, previous }: Change<KubeObject>): void {
    const was = previous !== undefined && selects(this.#selection, previous.object);
    const is = type !== "DELETED" && selects(this.#selection, entry.object);
    if (is) this.#sendEvent(was ? "MODIFIED" : "ADDED", entry.object, entry.json());
    else if (was) this.#sendEvent("DELETED", entry.object, entry.json());
  }

  #sendEvent(type: string, object: KubeObject, json: Buffer): void {
    const { table } = this.#options;
    if (table !== undefined) {
      const { resourceVersion } = object.metadata;
      const body = tableBody(table, [object], { resourceVersion }, this.#clock.now(), !this.#columnsSent);
      this.#columnsSent = true;
      this.#write(`${JSON.stringify({ type, object: body })}\n`);
      return;
    }
    const { resource } = this.#collection;
    const head = `{"type":"${type}","object":{"kind":"${resource.kind}","apiVersion":"${apiVersion(resource)}",`;
    this.#write(Buffer.concat([Buffer.from(head), json.subarray(1), Buffer.from("}\n")]));
  }

  #bookmark(annotations?: Record<string, string>): void {
    const { bookmarks, table, since } = this.#options;
    if (!bookmarks || table !== undefined) return;
    // Nothing new to tell, and least of all to a watch from the future.
    if (since !== undefined && this.#store.version <= since) return;
    const resourceVersion = String(this.#store.version);
    const metadata = { resourceVersion, ...(annotations === undefined ? {} : { annotations }) };
    const { resource } = this.#collection;
    const object = { kind: resource.kind, apiVersion: apiVersion(resource), metadata };
    this.#write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
  }

  /** All events of one turn of the event loop leave in one packet. */
  #write(line: string | Buffer): void {
    if (this.#response.writableLength > BACKLOG_BYTES) {
      this.stop();
      this.#response.destroy();
      return;
    }
    if (!this.#corked) {
      this.#corked = true;
      this.#response.cork();
      process.nextTick(() => this.#flush());
    }
    this.#response.write(line);
  }

  #flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#response.uncork();
  }
}
