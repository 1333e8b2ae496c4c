import type { V1ContainerStateTerminated, V1Pod } from "@kubernetes/client-node";
import type { PodsStanding } from "../domain/regression.ts";
import { imageOf, troubleOf } from "./pods.ts";
import { msOf } from "./standing.ts";

/** What is remembered of a pod that is not, or was not always, well. */
export interface AilingPod {
  name: string;
  /** Of its Deployment. */
  k8sName: string;
  /** Of the sentinel's container. */
  image: string | undefined;
  /** Why it does not come up, in the words of Kubernetes; undefined: it does not say. */
  reason: string | undefined;
  /** When that was heard (unix ms). */
  heardMs: number;
  /** Since when it is not ready (unix ms); undefined: it is. */
  unreadyMs: number | undefined;
  isCrashLooping: boolean;
  /** Of all its containers, over its whole life. */
  restarts: number;
  /** Those of them that it had when its Deployment came up, as far as this process has seen that. */
  restartsBefore: number;
  /** Of the container that died last: "OOMKilled, exit code 137". */
  termination: string | undefined;
  /** When that was (unix ms); 0: never. */
  terminatedMs: number;
}

/** Undefined: it is perfectly well, or on its way out, or has no Deployment. */
export function ailingPodOf(
  pod: V1Pod,
  containerName: string,
  restartsBefore: number,
): AilingPod | undefined {
  const { metadata, status } = pod;
  const k8sName = deploymentOf(pod);
  // A pod that was evicted stays in the list without being one of its ReplicaSet any more.
  const isOver = status?.phase === "Failed" || status?.phase === "Succeeded";
  if (k8sName === undefined || metadata?.deletionTimestamp !== undefined) return undefined;
  const reason = troubleOf(pod, containerName)?.reason;
  const containers = status?.containerStatuses ?? [];
  const restarts = containers.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0);
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const unreadyMs = ready?.status === "False" && !isOver ? msOf(ready.lastTransitionTime) : undefined;
  if (reason === undefined && restarts === 0 && unreadyMs === undefined) return undefined;
  const died = latest(containers.map(({ state, lastState }) => state?.terminated ?? lastState?.terminated));
  const all = [...(status?.initContainerStatuses ?? []), ...containers];
  return {
    name: metadata?.name ?? "",
    k8sName,
    image: imageOf(pod, containerName),
    reason,
    heardMs: Date.now(),
    unreadyMs,
    isCrashLooping: all.some(({ state }) => state?.waiting?.reason === CRASH_LOOP),
    restarts: isOver ? 0 : restarts,
    restartsBefore,
    termination: died === undefined ? undefined : terminationOf(died),
    terminatedMs: msOf(died?.finishedAt) ?? 0,
  };
}

/**
 * What the pods of one Deployment say together. Of a pod that this process has not seen come up all restarts count, once one of
 * them was later: Kubernetes keeps their number and the time of the last.
 * @param completeSeconds when the Deployment came up
 */
export function standingOf(
  pods: readonly AilingPod[],
  image: string | undefined,
  completeSeconds: number,
): (PodsStanding & { unreadyMs?: number }) | undefined {
  const own = pods.filter((pod) => pod.image === image);
  if (own.length === 0) return undefined;
  const crashed = own.filter(({ terminatedMs }) => terminatedMs > completeSeconds * 1_000);
  const last = crashed.sort((a, b) => b.terminatedMs - a.terminatedMs)[0];
  const loops = own.find(({ isCrashLooping }) => isCrashLooping);
  const trouble = own.find(({ reason }) => reason !== undefined)?.reason;
  const unready = own.flatMap(({ unreadyMs }) => unreadyMs ?? []);
  return {
    restarts: crashed.reduce((sum, pod) => sum + Math.max(pod.restarts - pod.restartsBefore, 0), 0),
    ...(last?.termination === undefined ? {} : { lastTermination: last.termination }),
    ...(last === undefined ? {} : { terminatedMs: last.terminatedMs }),
    ...(loops === undefined ? {} : { crashLoop: crashLoopOf(loops) }),
    ...(trouble === undefined ? {} : { trouble }),
    ...(unready.length === 0 ? {} : { unreadyMs: Math.min(...unready) }),
  };
}

const CRASH_LOOP = "CrashLoopBackOff";

function crashLoopOf({ reason, termination }: AilingPod): string {
  if (reason?.startsWith(CRASH_LOOP)) return reason;
  return termination === undefined ? CRASH_LOOP : `${CRASH_LOOP}: ${termination}`;
}

function latest(
  deaths: readonly (V1ContainerStateTerminated | undefined)[],
): V1ContainerStateTerminated | undefined {
  const known = deaths.filter((death) => death !== undefined);
  return known.sort((a, b) => (msOf(b.finishedAt) ?? 0) - (msOf(a.finishedAt) ?? 0))[0];
}

function terminationOf({ reason, exitCode }: V1ContainerStateTerminated): string {
  const exit = `exit code ${exitCode}`;
  return reason === undefined || reason === "Error" ? exit : `${reason}, ${exit}`;
}

/** A ReplicaSet is named after its Deployment and its template's hash. */
function deploymentOf(pod: V1Pod): string | undefined {
  const owner = pod.metadata?.ownerReferences?.find(({ kind }) => kind === "ReplicaSet")?.name;
  const hash = pod.metadata?.labels?.["pod-template-hash"];
  return hash !== undefined && owner?.endsWith(`-${hash}`) ? owner.slice(0, -hash.length - 1) : undefined;
}
