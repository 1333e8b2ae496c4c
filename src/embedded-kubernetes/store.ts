import type { Change } from "./change-log.ts";
import type { Clock } from "./clock.ts";
import { Collection, type Page, type Versions } from "./collection.ts";
import type { Entry } from "./entry.ts";
import type { Deployment, KubeEvent, KubeObject, Namespace, Pod, ReplicaSet } from "./objects.ts";
import { DEPLOYMENTS, EVENTS, NAMESPACES, PODS, REPLICA_SETS, type Resource } from "./resources.ts";
import type { Selection } from "./selectors.ts";

/** Everything the embedded cluster knows, under one version counter. */
export class Store {
  readonly namespaces: Collection<Namespace>;
  readonly deployments: Collection<Deployment>;
  readonly replicaSets: Collection<ReplicaSet>;
  readonly pods: Collection<Pod>;
  readonly events: Collection<KubeEvent>;
  readonly #versions: Versions = { current: 0 };

  constructor(clock: Clock) {
    this.namespaces = new Collection(NAMESPACES, clock, this.#versions);
    this.deployments = new Collection(DEPLOYMENTS, clock, this.#versions);
    this.replicaSets = new Collection(REPLICA_SETS, clock, this.#versions);
    this.pods = new Collection(PODS, clock, this.#versions);
    this.events = new Collection(EVENTS, clock, this.#versions);
    this.createNamespace("default");
  }

  /** The version of the latest write of anything. */
  get version(): number {
    return this.#versions.current;
  }

  /** @throws ApiError 409 when it exists */
  createNamespace(name: string, labels: Record<string, string> = {}): Namespace {
    return this.namespaces.create({
      metadata: { name, labels: { ...labels, "kubernetes.io/metadata.name": name } },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    });
  }

  collection(resource: Resource): AnyCollection {
    const found = this.#all().find((collection) => collection.resource === resource);
    if (found === undefined) throw new Error(`no collection of ${resource.plural}`);
    return found;
  }

  /** Makes every version that anybody remembers too old, as a compaction does. */
  expire(): void {
    this.#versions.current++;
    for (const { log } of this.#all()) log.expire(this.#versions.current);
  }

  #all(): AnyCollection[] {
    return [this.namespaces, this.deployments, this.replicaSets, this.pods, this.events];
  }
}

/** What all collections have in common, whatever is in them. */
export interface AnyCollection {
  readonly resource: Resource;
  readonly log: {
    readonly floor: number;
    since(version: number): Change<KubeObject>[];
    expire(version: number): void;
  };
  entry(key: string): Entry<KubeObject> | undefined;
  list(selection: Selection, version: number, page?: { after?: string; limit?: number }): Page<KubeObject>;
  listen(listener: (change: Change<KubeObject>) => void): () => void;
  delete(key: string): void;
}
