import type { Clock } from "./clock.ts";
import { keyOf } from "./collection.ts";
import { deleteOrMark, FOREGROUND, isDeleting, release, terminate } from "./deletion.ts";
import type { KubeObject } from "./objects.ts";
import type { Store } from "./store.ts";
import { WorkQueue } from "./work-queue.ts";

/** The controllers count what is gone before its owner goes, in simulated milliseconds. */
const BEHIND_MS = 20;

/** Deletes what is owned by a deleted object, and lets go of an owner that waits for what it owns. */
export class GarbageCollector {
  readonly #store: Store;
  readonly #clock: Clock;
  /** uids of owners that are gone */
  readonly #orphans: WorkQueue;
  readonly #deployments: WorkQueue;
  readonly #replicaSets: WorkQueue;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#orphans = new WorkQueue(clock, (uid) => this.#collect(uid));
    this.#deployments = new WorkQueue(clock, (key) => this.#finishDeployment(key));
    this.#replicaSets = new WorkQueue(clock, (key) => this.#finishReplicaSet(key));
    store.deployments.listen(({ type, entry: { key, object } }) => {
      if (type === "DELETED") this.#orphans.add(object.metadata.uid);
      else if (isDeleting(object)) this.#deployments.putOff(key, BEHIND_MS);
    });
    store.replicaSets.listen(({ type, entry: { key, object } }) => {
      if (type === "DELETED") this.#orphans.add(object.metadata.uid);
      else if (isDeleting(object)) this.#replicaSets.putOff(key, BEHIND_MS);
      if (type === "DELETED") this.#deployments.putOff(ownerKey(object), BEHIND_MS);
    });
    store.pods.listen(({ type, entry }) => {
      if (type === "DELETED") this.#replicaSets.putOff(ownerKey(entry.object), BEHIND_MS);
    });
  }

  close(): void {
    this.#orphans.close();
    this.#deployments.close();
    this.#replicaSets.close();
  }

  #collect(uid: string): void {
    for (const { metadata } of this.#store.replicaSets.ownedBy(uid)) {
      this.#store.replicaSets.delete(keyOf(metadata));
    }
    for (const pod of this.#store.pods.ownedBy(uid)) terminate(this.#store, this.#clock, pod);
  }

  #finishDeployment(key: string): void {
    const deployment = this.#store.deployments.get(key);
    if (!waits(deployment)) return;
    const owned = this.#store.replicaSets.ownedBy(deployment.metadata.uid);
    for (const replicaSet of owned) deleteOrMark(this.#store.replicaSets, this.#clock, replicaSet, true);
    if (owned.length === 0) release(this.#store.deployments, deployment, FOREGROUND);
  }

  #finishReplicaSet(key: string): void {
    const replicaSet = this.#store.replicaSets.get(key);
    if (!waits(replicaSet)) return;
    const owned = this.#store.pods.ownedBy(replicaSet.metadata.uid);
    for (const pod of owned) terminate(this.#store, this.#clock, pod);
    if (owned.length === 0) release(this.#store.replicaSets, replicaSet, FOREGROUND);
  }
}

function waits<T extends KubeObject>(owner: T | undefined): owner is T {
  return owner !== undefined && isDeleting(owner) && (owner.metadata.finalizers ?? []).includes(FOREGROUND);
}

function ownerKey({ metadata: { namespace = "", ownerReferences } }: KubeObject): string {
  return keyOf({ namespace, name: ownerReferences?.[0]?.name ?? "" });
}
