import type { ContainerStatus, Pod, PodCondition } from "./objects.ts";
import type { PodFaultReason } from "./pod-faults.ts";

/** The statuses that a pod goes through, as a scheduler and a kubelet would write them. */

export function scheduled(pod: Pod, node: string, now: string): Pod {
  const conditions = [condition("PodScheduled", "True", now)];
  return { ...pod, spec: { ...pod.spec, nodeName: node }, status: { ...pod.status, conditions } };
}

export function unschedulable(pod: Pod, now: string): Pod {
  const message =
    "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
  const conditions = [
    {
      ...condition("PodScheduled", "False", now),
      observedGeneration: pod.metadata.generation ?? 1,
      reason: "Unschedulable",
      message,
    },
  ];
  return { ...pod, status: { ...pod.status, conditions } };
}

export function running(pod: Pod, ip: string, now: string): Pod {
  return {
    ...pod,
    status: {
      phase: "Running",
      conditions: [
        condition("Initialized", "True", now),
        condition("Ready", "True", now),
        condition("ContainersReady", "True", now),
        ...kept(pod, "PodScheduled"),
      ],
      startTime: pod.status.startTime ?? now,
      podIP: ip,
      podIPs: [{ ip }],
      containerStatuses: pod.spec.containers.map(({ name, image }) => ({
        name,
        state: { running: { startedAt: now } },
        lastState: {},
        ready: true,
        restartCount: 0,
        image,
        imageID: "",
        started: true,
      })),
      qosClass: pod.status.qosClass,
    },
  };
}

/** A pod whose containers do not come up, for the given reason. */
export function stuck(pod: Pod, kind: Exclude<PodFaultReason, "Unschedulable">, now: string): Pod {
  const notReady = { reason: "ContainersNotReady" };
  return {
    ...pod,
    status: {
      phase: kind === "NeverReady" || kind === "CrashLoopBackOff" ? "Running" : "Pending",
      conditions: [
        condition("Initialized", "True", now),
        { ...condition("Ready", "False", now), ...notReady },
        { ...condition("ContainersReady", "False", now), ...notReady },
        ...kept(pod, "PodScheduled"),
      ],
      startTime: now,
      containerStatuses: pod.spec.containers.map(({ name, image }): ContainerStatus => {
        const message = `simulated ${kind} of image ${image}`;
        const crashed = kind === "CrashLoopBackOff";
        const terminated = { exitCode: 1, reason: "Error", startedAt: now, finishedAt: now };
        return {
          name,
          state:
            kind === "NeverReady" ? { running: { startedAt: now } } : { waiting: { reason: kind, message } },
          lastState: crashed ? { terminated } : {},
          ready: false,
          restartCount: crashed ? 5 : 0,
          image,
          imageID: "",
          started: false,
        };
      }),
      qosClass: pod.status.qosClass,
    },
  };
}

/**
 * A pod whose containers ran, and have crashed for want of memory.
 * @param times how often by now
 * @param waits for good, in CrashLoopBackOff: otherwise they have been started again
 */
export function crashed(pod: Pod, times: number, waits: boolean, now: string): Pod {
  const unready = withReadiness(pod, "False", now);
  const containerStatuses = unready.status.containerStatuses?.map((container): ContainerStatus => {
    const message = `simulated CrashLoopBackOff of image ${container.image}`;
    const startedAt = container.state.running?.startedAt ?? now;
    return {
      ...container,
      started: false,
      restartCount: times,
      state: waits ? { waiting: { reason: "CrashLoopBackOff", message } } : { running: { startedAt: now } },
      lastState: { terminated: { exitCode: 137, reason: "OOMKilled", startedAt, finishedAt: now } },
    };
  });
  return withContainers(unready, containerStatuses);
}

/** A pod that runs, and whose containers pass their probes or do not. */
export function withReadiness(pod: Pod, ready: "True" | "False", now: string): Pod {
  const conditions = pod.status.conditions?.map((present) => {
    const isOfReadiness = present.type === "Ready" || present.type === "ContainersReady";
    if (!isOfReadiness || present.status === ready) return present;
    const reason = ready === "True" ? {} : { reason: "ContainersNotReady" };
    return { ...condition(present.type, ready, now), ...reason };
  });
  const containerStatuses = pod.status.containerStatuses?.map((container) => ({
    ...container,
    ready: ready === "True",
  }));
  const changed = { ...pod, status: { ...pod.status, ...(conditions === undefined ? {} : { conditions }) } };
  return withContainers(changed, containerStatuses);
}

function withContainers(pod: Pod, containerStatuses: ContainerStatus[] | undefined): Pod {
  return containerStatuses === undefined ? pod : { ...pod, status: { ...pod.status, containerStatuses } };
}

export function isReady(pod: Pod): boolean {
  return readyCondition(pod)?.status === "True";
}

/** When the pod became ready, in milliseconds; undefined while it is not. */
export function readySince(pod: Pod): number | undefined {
  const ready = readyCondition(pod);
  return ready?.status === "True" ? Date.parse(ready.lastTransitionTime) : undefined;
}

function readyCondition(pod: Pod): PodCondition | undefined {
  return pod.status.conditions?.find(({ type }) => type === "Ready");
}

function condition(type: string, status: "True" | "False", now: string): PodCondition {
  return { type, status, lastProbeTime: null, lastTransitionTime: now };
}

function kept(pod: Pod, type: string): PodCondition[] {
  return pod.status.conditions?.filter((present) => present.type === type) ?? [];
}
