import type { V1Pod } from "@kubernetes/client-node";
import type { PodsStanding } from "../domain/regression.ts";
import type { Logger } from "../log.ts";
import { createInterner } from "../util/interned.ts";
import { type AilingPod, ailingPodOf, standingOf } from "./ailing-pod.ts";
import type { ClusterConnection } from "./connection.ts";
import { type Reflector, reflect } from "./reflector.ts";

/** Knows which Deployments have pods that do not come up, or are not well. */
export interface PodWatch extends Reflector {
  /** True when a pod of this Deployment, of whichever template, says that it does not come up. */
  inTrouble(k8sName: string): boolean;
  /** What a pod of this Deployment with one of these images says of itself, the latest word first. */
  lastWord(k8sName: string, images: readonly string[]): PodWord | undefined;
  /** The Deployments of which a pod is not well, or was restarted. */
  ailing(): Iterable<string>;
  /**
   * What the pods of this Deployment with this image say of themselves since it came up; undefined: all is well. `unreadyMs`:
   * since when (unix ms) one of them is not ready.
   */
  standing(
    k8sName: string,
    image: string | undefined,
    completeSeconds: number,
  ): (PodsStanding & { unreadyMs?: number }) | undefined;
  /** This Deployment has come up just now: what its pods were restarted before does not count. */
  cameUp(k8sName: string): void;
  /** How often this pod had been restarted when its Deployment came up, as far as that was seen. */
  restartsBefore(pod: string): number;
}

export interface PodWord {
  /** In the words of Kubernetes. */
  reason: string;
  /** When it was heard (unix ms). */
  heardMs: number;
}

export interface PodHandlers {
  /** A pod of this Deployment has begun to say that it does not come up, or says something else now. */
  onTrouble(k8sName: string): void;
  /** A pod of this Deployment was restarted, or has entered or left CrashLoopBackOff. */
  onCrash(k8sName: string): void;
}

export interface PodWatchOptions {
  connection: ClusterConnection;
  namespace: string;
  containerName: string;
  handlers: PodHandlers;
  logger: Logger;
}

/** Watches the pods and remembers of them only those that are not well, so that a healthy fleet costs no memory. */
export function watchPods({ namespace, containerName, handlers, ...rest }: PodWatchOptions): PodWatch {
  const pods = new Map<string, AilingPod>();
  /** Those of each Deployment. */
  const byDeployment = new Map<string, AilingPod[]>();
  const intern = createInterner();
  const of = (k8sName: string) => byDeployment.get(k8sName) ?? [];

  function forget(name: string): void {
    const pod = pods.get(name);
    if (pod === undefined) return;
    pods.delete(name);
    const left = of(pod.k8sName).filter((other) => other !== pod);
    if (left.length > 0) byDeployment.set(pod.k8sName, left);
    else byDeployment.delete(pod.k8sName);
  }

  function remember(pod: AilingPod): void {
    if (pod.image !== undefined) pod.image = intern(pod.image);
    if (pod.termination !== undefined) pod.termination = intern(pod.termination);
    pods.set(pod.name, pod);
    byDeployment.set(pod.k8sName, [...of(pod.k8sName), pod]);
  }

  const reflector = reflect<V1Pod>({
    ...rest,
    resource: { title: "Pods", path: `/api/v1/namespaces/${namespace}/pods` },
    handlers: {
      changed(object) {
        const name = object.metadata?.name ?? "";
        const before = pods.get(name);
        const pod = ailingPodOf(object, containerName, before?.restartsBefore ?? 0);
        forget(name);
        if (pod !== undefined) remember(pod);
        const word = wordOf(pod);
        if (pod !== undefined && word !== undefined && word !== wordOf(before))
          handlers.onTrouble(pod.k8sName);
        if (crashes(pod) !== crashes(before)) handlers.onCrash((pod ?? before)?.k8sName ?? "");
      },
      deleted(name) {
        const before = pods.get(name);
        forget(name);
        if (before !== undefined && crashes(before) !== 0) handlers.onCrash(before.k8sName);
      },
      known: () => pods.keys(),
      synced: () => undefined,
    },
  });
  return Object.assign(reflector, {
    inTrouble: (k8sName: string) => of(k8sName).some(({ reason }) => reason !== undefined),
    lastWord(k8sName: string, images: readonly string[]) {
      let last: PodWord | undefined;
      for (const { image, reason, heardMs } of of(k8sName)) {
        if (reason === undefined || image === undefined || !images.includes(image)) continue;
        if (last === undefined || heardMs >= last.heardMs) last = { reason, heardMs };
      }
      return last;
    },
    ailing: () => byDeployment.keys(),
    standing: (k8sName: string, image: string | undefined, completeSeconds: number) =>
      standingOf(of(k8sName), image, completeSeconds),
    cameUp(k8sName: string) {
      for (const pod of of(k8sName)) pod.restartsBefore = pod.restarts;
    },
    restartsBefore: (pod: string) => pods.get(pod)?.restartsBefore ?? 0,
  });
}

/** The first word of the reason; the rest changes with every attempt. */
function wordOf(pod: AilingPod | undefined): string | undefined {
  return pod?.reason?.split(":")[0];
}

/** Another number: it has crashed, or does so no longer. */
function crashes(pod: AilingPod | undefined): number {
  return pod === undefined ? 0 : pod.restarts * 2 + Number(pod.isCrashLooping);
}
