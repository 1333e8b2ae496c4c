import type { Clock } from "./clock.ts";
import { keyOf } from "./collection.ts";
import type { EventRecorder } from "./events.ts";
import type { Pod } from "./objects.ts";
import type { PodFault } from "./pod-faults.ts";
import { running, scheduled, stuck, unschedulable } from "./pod-status.ts";
import { PODS } from "./resources.ts";
import type { Store } from "./store.ts";
import { WorkQueue } from "./work-queue.ts";

const NODES = ["sim-1", "sim-2", "sim-3"];

/** Plays the scheduler and the kubelets: gives pods a node, starts them or lets them fail, and ends deleted ones. */
export class Kubelet {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #events: EventRecorder;
  readonly #startMs: number;
  readonly #faultOf: (pod: Pod) => PodFault | undefined;
  readonly #queue: WorkQueue;
  #nextNode = 0;
  #nextIp = 0;

  /** @param startMs how long a healthy pod takes to become ready, in real milliseconds */
  constructor(
    store: Store,
    clock: Clock,
    events: EventRecorder,
    startMs: number,
    faultOf: (pod: Pod) => PodFault | undefined,
  ) {
    this.#store = store;
    this.#events = events;
    this.#clock = clock;
    this.#startMs = startMs;
    this.#faultOf = faultOf;
    this.#queue = new WorkQueue(clock, (key) => this.#sync(key));
    store.pods.listen(({ type, entry }) => {
      const created = type === "ADDED";
      const deleting = type === "MODIFIED" && entry.object.metadata.deletionTimestamp !== undefined;
      if (created || deleting) this.#queue.add(entry.key);
    });
  }

  close(): void {
    this.#queue.close();
  }

  #sync(key: string): void {
    const pod = this.#store.pods.get(key);
    if (pod === undefined) return;
    if (pod.metadata.deletionTimestamp !== undefined) this.#end(pod);
    else if (pod.status.conditions === undefined) this.#schedule(pod);
  }

  #schedule(pod: Pod): void {
    const fault = this.#faultOf(pod);
    const now = this.#clock.timestamp();
    if (fault?.kind === "Unschedulable" || Object.keys(pod.spec.nodeSelector ?? {}).length > 0) {
      const { status } = this.#store.pods.update(unschedulable(pod, now));
      const message = status.conditions?.[0]?.message ?? "";
      const component = "default-scheduler";
      this.#events.record(PODS, pod, { type: "Warning", reason: "FailedScheduling", message, component });
      return;
    }
    const node = NODES[this.#nextNode++ % NODES.length] ?? "sim-1";
    this.#store.pods.update(scheduled(pod, node, now));
    this.#events.record(PODS, pod, {
      reason: "Scheduled",
      message: `Successfully assigned ${keyOf(pod.metadata)} to ${node}`,
      component: "default-scheduler",
    });
    const start = () => this.#start(pod, fault);
    if (fault?.kind === "slow") this.#clock.after(fault.seconds * 1000, start);
    else this.#clock.afterReal(this.#startMs, start);
  }

  #start({ metadata: { uid, ...metadata } }: Pod, fault: PodFault | undefined): void {
    const pod = this.#store.pods.get(keyOf(metadata));
    if (pod?.metadata.uid !== uid || pod.metadata.deletionTimestamp !== undefined) return;
    const now = this.#clock.timestamp();
    const failure = fault?.kind === "slow" || fault?.kind === "Unschedulable" ? undefined : fault?.kind;
    this.#store.pods.update(
      failure === undefined ? running(pod, this.#address(), now) : stuck(pod, failure, now),
    );
  }

  /** Once its containers have ended, the kubelet deletes a pod with no grace left. */
  #end(pod: Pod): void {
    const metadata = { ...pod.metadata, deletionGracePeriodSeconds: 0 };
    if (pod.metadata.deletionGracePeriodSeconds !== 0) this.#store.pods.update({ ...pod, metadata });
    this.#store.pods.delete(keyOf(metadata));
  }

  #address(): string {
    const n = ++this.#nextIp;
    return `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
  }
}
