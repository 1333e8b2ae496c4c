import { isDeepStrictEqual } from "node:util";
import type { Clock } from "./clock.ts";
import { keyOf } from "./collection.ts";
import { isDeleting, terminate } from "./deletion.ts";
import type { EventRecorder } from "./events.ts";
import { suffix } from "./names.ts";
import type { Pod, PodTemplate, ReplicaSet, ReplicaSetStatus } from "./objects.ts";
import { podSpec, qosClass } from "./pod-spec.ts";
import { isReady, readySince } from "./pod-status.ts";
import { REPLICA_SETS } from "./resources.ts";
import type { Store } from "./store.ts";
import { WorkQueue } from "./work-queue.ts";

/** Keeps as many pods as each ReplicaSet asks for, and counts them in its status. */
export class ReplicaSetController {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #events: EventRecorder;
  readonly #queue: WorkQueue;

  constructor(store: Store, clock: Clock, events: EventRecorder) {
    this.#store = store;
    this.#events = events;
    this.#clock = clock;
    this.#queue = new WorkQueue(clock, (key) => this.#sync(key));
    store.replicaSets.listen(({ type, entry }) => {
      if (type !== "DELETED") this.#queue.add(entry.key);
    });
    store.pods.listen(({ entry: { object } }) => {
      const owner = object.metadata.ownerReferences?.find(({ kind }) => kind === "ReplicaSet");
      if (owner !== undefined) this.#queue.add(`${object.metadata.namespace}/${owner.name}`);
    });
  }

  close(): void {
    this.#queue.close();
  }

  #sync(key: string): void {
    const replicaSet = this.#store.replicaSets.get(key);
    if (replicaSet === undefined) return;
    const all = this.#store.pods.ownedBy(replicaSet.metadata.uid);
    const active = all.filter((pod) => !isDeleting(pod));
    const missing = isDeleting(replicaSet) ? 0 : replicaSet.spec.replicas - active.length;
    for (let created = 0; created < missing; created++) this.#createPod(replicaSet);
    for (const pod of victims(active, -missing)) {
      terminate(this.#store, this.#clock, pod);
      this.#tell(replicaSet, "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
    }
    // The status tells of the pods found, not of those just made: they come with the next event.
    this.#writeStatus(replicaSet, active, all.length - active.length);
  }

  #writeStatus(replicaSet: ReplicaSet, active: Pod[], terminating: number): void {
    const { minReadySeconds = 0 } = replicaSet.spec;
    const readyTimes = active.flatMap((pod) => readySince(pod) ?? []);
    const waits = readyTimes.map((since) => since + minReadySeconds * 1000 - this.#clock.now());
    const available = minReadySeconds === 0 ? readyTimes.length : waits.filter((ms) => ms <= 0).length;
    const status: ReplicaSetStatus = {
      replicas: active.length,
      ...counter("fullyLabeledReplicas", active.length),
      ...counter("readyReplicas", readyTimes.length),
      ...counter("availableReplicas", available),
      terminatingReplicas: terminating,
      observedGeneration: replicaSet.metadata.generation ?? 0,
    };
    const next = Math.min(...waits.filter((ms) => ms > 0));
    if (minReadySeconds > 0 && Number.isFinite(next)) this.#queue.addAfter(keyOf(replicaSet.metadata), next);
    if (!isDeepStrictEqual(status, replicaSet.status))
      this.#store.replicaSets.update({ ...replicaSet, status });
  }

  #createPod(replicaSet: ReplicaSet): void {
    const { name, namespace, uid } = replicaSet.metadata;
    const { template } = replicaSet.spec;
    const pod = this.#store.pods.create({
      metadata: {
        name: `${name}-${suffix(5)}`,
        generateName: `${name}-`,
        ...(namespace === undefined ? {} : { namespace }),
        generation: 1,
        ...templateMetadata(template),
        ownerReferences: [
          {
            apiVersion: "apps/v1",
            kind: "ReplicaSet",
            name,
            uid,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: podSpec(template),
      status: { phase: "Pending", qosClass: qosClass(template) },
    });
    this.#tell(replicaSet, "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
  }

  #tell(replicaSet: ReplicaSet, reason: string, message: string): void {
    this.#events.record(REPLICA_SETS, replicaSet, { reason, message, component: "replicaset-controller" });
  }
}

/** Which pods to end first: those that do least, and of equals the youngest. */
function victims(active: Pod[], count: number): Pod[] {
  if (count <= 0) return [];
  const rank = (pod: Pod) =>
    pod.spec.nodeName === undefined ? 0 : pod.status.phase === "Pending" ? 1 : isReady(pod) ? 3 : 2;
  const age = (pod: Pod) => Number(pod.metadata.resourceVersion);
  return [...active].sort((a, b) => rank(a) - rank(b) || age(b) - age(a)).slice(0, count);
}

function templateMetadata({ metadata }: PodTemplate): Pick<Pod["metadata"], "labels" | "annotations"> {
  return {
    ...(metadata?.labels === undefined ? {} : { labels: metadata.labels }),
    ...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
  };
}

/** Zero counters are left out. */
function counter<K extends string>(name: K, value: number): Partial<Record<K, number>> {
  return value === 0 ? {} : ({ [name]: value } as Record<K, number>);
}
