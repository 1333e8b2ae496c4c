import type { Clock } from "./clock.ts";
import { keyOf } from "./collection.ts";
import type { EventRecorder } from "./events.ts";
import type { Pod } from "./objects.ts";
import type { PodFault } from "./pod-faults.ts";
import { crashed, running, scheduled, stuck, unschedulable, withReadiness } from "./pod-status.ts";
import { PODS } from "./resources.ts";
import type { Store } from "./store.ts";
import { WorkQueue } from "./work-queue.ts";

const NODES = ["sim-1", "sim-2", "sim-3"];
/** Simulated seconds between two crashes, and how many there are before the kubelet waits for good. */
const CRASH_EVERY = 1;
const CRASHES = 3;
/** Simulated seconds that a flapping pod is unready, and ready. */
const FLAP_EVERY = 3;

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
    const isPinned = Object.keys(pod.spec.nodeSelector ?? {}).length > 0;
    if (fault?.kind === "Unschedulable" || isPinned) {
      const { status } = this.#store.pods.update(unschedulable(pod, now));
      const message = status.conditions?.[0]?.message ?? "";
      const component = "default-scheduler";
      this.#events.record(PODS, pod, { type: "Warning", reason: "FailedScheduling", message, component });
      if (!isPinned) this.#laterHealed(pod, fault, (present) => this.#assign(present));
      return;
    }
    this.#assign(pod);
  }

  /** Gives the pod a node, where it starts. */
  #assign(pod: Pod): void {
    const fault = this.#faultOf(pod);
    const node = NODES[this.#nextNode++ % NODES.length] ?? "sim-1";
    this.#store.pods.update(scheduled(pod, node, this.#clock.timestamp()));
    this.#events.record(PODS, pod, {
      reason: "Scheduled",
      message: `Successfully assigned ${keyOf(pod.metadata)} to ${node}`,
      component: "default-scheduler",
    });
    const start = () => this.#present(pod, (present) => this.#start(present, fault));
    if (fault?.kind === "slow") this.#clock.after(fault.seconds * 1000, start);
    else this.#clock.afterReal(this.#startMs, start);
  }

  #start(pod: Pod, fault: PodFault | undefined): void {
    if (fault === undefined || fault.kind === "slow" || fault.kind === "Unschedulable") {
      this.#run(pod);
    } else if (fault.kind === "crash-after") {
      this.#run(pod);
      this.#later(pod, fault.seconds, (present) => this.#crash(present, 1));
    } else if (fault.kind === "flap-after") {
      this.#run(pod);
      this.#later(pod, fault.seconds, (present) => this.#flap(present, "False"));
    } else {
      this.#store.pods.update(stuck(pod, fault.kind, this.#clock.timestamp()));
      this.#laterHealed(pod, fault, (present) => this.#run(present));
    }
  }

  #run(pod: Pod): void {
    this.#store.pods.update(running(pod, this.#address(), this.#clock.timestamp()));
  }

  #crash(pod: Pod, times: number): void {
    this.#store.pods.update(crashed(pod, times, times === CRASHES, this.#clock.timestamp()));
    if (times < CRASHES) this.#later(pod, CRASH_EVERY, (present) => this.#crash(present, times + 1));
  }

  #flap(pod: Pod, ready: "True" | "False"): void {
    this.#store.pods.update(withReadiness(pod, ready, this.#clock.timestamp()));
    this.#later(pod, FLAP_EVERY, (present) => this.#flap(present, ready === "True" ? "False" : "True"));
  }

  /** Runs `heal` when the pod's fault is over, if it ever is. */
  #laterHealed(pod: Pod, fault: PodFault | undefined, heal: (pod: Pod) => void): void {
    if (fault !== undefined && "healsAfterSeconds" in fault && fault.healsAfterSeconds !== undefined) {
      this.#later(pod, fault.healsAfterSeconds, heal);
    }
  }

  #later(pod: Pod, seconds: number, task: (pod: Pod) => void): void {
    this.#clock.after(seconds * 1000, () => this.#present(pod, task));
  }

  /** Runs `task` on what the pod has become, unless it is gone or going. */
  #present({ metadata: { uid, ...metadata } }: Pod, task: (pod: Pod) => void): void {
    const pod = this.#store.pods.get(keyOf(metadata));
    if (pod?.metadata.uid === uid && pod.metadata.deletionTimestamp === undefined) task(pod);
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
