import type { Clock } from "../../src/embedded-kubernetes/clock.ts";
import { progressingCondition, withCondition } from "../../src/embedded-kubernetes/deployment-status.ts";
import type { Deployment } from "../../src/embedded-kubernetes/objects.ts";
import type { Store } from "../../src/embedded-kubernetes/store.ts";
import { WorkQueue } from "../../src/embedded-kubernetes/work-queue.ts";

/** How long a rolling update takes, in milliseconds: a random time between the two. */
export interface UpdateTime {
  fromMs: number;
  toMs: number;
  /** Unix ms: only from then on that time runs. */
  notBeforeMs?: number;
  /** Deployments whose names come no later than this one take another time. */
  slow?: { upTo: string; ms: number };
}

/**
 * In place of the controllers and kubelets: a Deployment takes its new template at once, or after a given time, without
 * ReplicaSets and pods. What is measured is the service, not the simulation of a cluster.
 */
export class InstantUpdates {
  time: UpdateTime = { fromMs: 0, toMs: 0 };
  /** When (unix ms) each Deployment last converged, by name. */
  readonly convergedMs = new Map<string, number>();
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #queue: WorkQueue;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#queue = new WorkQueue(clock, (key) => this.#converge(key));
    store.deployments.listen(({ type, entry }) => {
      const { metadata, status } = entry.object;
      if (type === "DELETED" || (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)) return;
      const ms = this.#takes(metadata.name);
      if (ms === 0) this.#queue.add(entry.key);
      else this.#queue.addAfter(entry.key, ms);
    });
  }

  #takes(name: string): number {
    const { fromMs, toMs, notBeforeMs = 0, slow } = this.time;
    if (slow !== undefined && name <= slow.upTo) return slow.ms;
    return Math.max(0, notBeforeMs - Date.now()) + fromMs + Math.random() * (toMs - fromMs);
  }

  #converge(key: string): void {
    const found = this.#store.deployments.get(key);
    if (found === undefined) return;
    const { name, generation = 1 } = found.metadata;
    this.convergedMs.set(name, Date.now());
    this.#store.deployments.update({ ...found, status: this.#converged(found, generation) });
  }

  #converged({ spec, metadata, status }: Deployment, generation: number): Deployment["status"] {
    const now = this.#clock.timestamp();
    const message = `ReplicaSet "${metadata.name}-${generation}" has successfully progressed.`;
    const done = progressingCondition("True", "NewReplicaSetAvailable", message, now);
    const counts = { replicas: spec.replicas, updatedReplicas: spec.replicas, readyReplicas: spec.replicas };
    return {
      observedGeneration: generation,
      ...(spec.replicas === 0 ? {} : { ...counts, availableReplicas: spec.replicas }),
      conditions: withCondition(status.conditions, done, true),
    };
  }
}
