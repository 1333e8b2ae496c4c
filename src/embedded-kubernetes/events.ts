import type { Clock } from "./clock.ts";
import { keyOf } from "./collection.ts";
import type { KubeObject } from "./objects.ts";
import { apiVersion, type Resource } from "./resources.ts";
import type { Store } from "./store.ts";

/** The real API server forgets events after an hour; here the newest ones are kept, however long ago they were. */
const KEPT = 2_000;

/** What the controllers tell of their deeds, for `kubectl describe`. */
export class EventRecorder {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #kept: string[] = [];
  #count = 0;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  record(resource: Resource, { metadata }: KubeObject, event: Told): void {
    const { name, namespace = "", uid, resourceVersion } = metadata;
    const now = this.#clock.timestamp();
    const { component, ...told } = event;
    const unique = (++this.#count).toString(16).padStart(16, "0");
    const { metadata: created } = this.#store.events.create({
      metadata: { name: `${name}.${unique}`, namespace },
      involvedObject: {
        kind: resource.kind,
        namespace,
        name,
        uid,
        apiVersion: apiVersion(resource),
        resourceVersion,
      },
      type: "Normal",
      ...told,
      source: { component },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      eventTime: null,
      reportingComponent: component,
      reportingInstance: "",
    });
    this.#kept.push(keyOf(created));
    if (this.#kept.length > KEPT) this.#store.events.delete(this.#kept.shift() ?? "");
  }
}

interface Told {
  type?: "Normal" | "Warning";
  reason: string;
  message: string;
  /** Who tells it. */
  component: string;
}
