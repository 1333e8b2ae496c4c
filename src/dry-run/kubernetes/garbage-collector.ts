import type { Clock } from "./clock.ts";
import { terminate } from "./replicaset-controller.ts";
import type { Store } from "./store.ts";
import { WorkQueue } from "./work-queue.ts";

/** Deletes in the background what was owned by a deleted object. */
export class GarbageCollector {
  readonly #queue: WorkQueue;

  constructor(store: Store, clock: Clock) {
    this.#queue = new WorkQueue(clock, (uid) => {
      for (const { metadata } of store.replicaSets.ownedBy(uid)) {
        store.replicaSets.delete(`${metadata.namespace}/${metadata.name}`);
      }
      for (const pod of store.pods.ownedBy(uid)) {
        if (pod.metadata.deletionTimestamp === undefined) terminate(store, clock, pod);
      }
    });
    for (const owners of [store.deployments, store.replicaSets]) {
      owners.listen(({ type, entry }) => {
        if (type === "DELETED") this.#queue.add(entry.object.metadata.uid);
      });
    }
  }

  close(): void {
    this.#queue.close();
  }
}
