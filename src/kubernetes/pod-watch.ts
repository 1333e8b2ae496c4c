import type { V1Pod } from "@kubernetes/client-node";
import type { Logger } from "../log.ts";
import type { ClusterConnection } from "./connection.ts";
import { imageOf, troubleOf } from "./pods.ts";
import { reflect } from "./reflector.ts";

/** Knows which Deployments have pods that do not come up. */
export interface PodWatch {
  /** True when a pod of this Deployment, of whichever template, says that it does not come up. */
  inTrouble(k8sName: string): boolean;
  /** What a pod of this Deployment with one of these images says of itself, the latest word first. */
  lastWord(k8sName: string, images: readonly string[]): PodWord | undefined;
  stop(): Promise<void>;
}

export interface PodWord {
  /** In the words of Kubernetes. */
  reason: string;
  /** When it was heard (unix ms). */
  heardMs: number;
}

export interface PodWatchOptions {
  connection: ClusterConnection;
  namespace: string;
  containerName: string;
  /** A pod of this Deployment has begun to say that it does not come up, or says something else now. */
  onTrouble(k8sName: string): void;
  logger: Logger;
}

interface Trouble extends PodWord {
  k8sName: string;
  /** Of the sentinel's container. */
  image: string | undefined;
  /** The first word of the reason; the rest changes with every attempt. */
  word: string;
}

/** Watches the pods and remembers of them only those in trouble, so that a healthy fleet costs no memory. */
export function watchPods({ namespace, containerName, onTrouble, ...rest }: PodWatchOptions): PodWatch {
  const troubled = new Map<string, Trouble>();
  const counts = new Map<string, number>();

  function forget(pod: string): void {
    const trouble = troubled.get(pod);
    if (trouble === undefined) return;
    troubled.delete(pod);
    const left = (counts.get(trouble.k8sName) ?? 1) - 1;
    if (left > 0) counts.set(trouble.k8sName, left);
    else counts.delete(trouble.k8sName);
  }

  const reflector = reflect<V1Pod>({
    ...rest,
    resource: { title: "Pods", path: `/api/v1/namespaces/${namespace}/pods` },
    handlers: {
      changed(pod) {
        const name = pod.metadata?.name ?? "";
        const k8sName = deploymentOf(pod);
        const before = troubled.get(name);
        const trouble =
          pod.metadata?.deletionTimestamp === undefined ? troubleOf(pod, containerName) : undefined;
        forget(name);
        if (k8sName === undefined || trouble === undefined) return;
        const word = trouble.reason.split(":")[0] ?? "";
        const image = imageOf(pod, containerName);
        troubled.set(name, { k8sName, word, image, reason: trouble.reason, heardMs: Date.now() });
        counts.set(k8sName, (counts.get(k8sName) ?? 0) + 1);
        if (before?.word !== word) onTrouble(k8sName);
      },
      deleted: forget,
      known: () => troubled.keys(),
      synced: () => undefined,
    },
  });
  return {
    inTrouble: (k8sName) => counts.has(k8sName),
    lastWord(k8sName, images) {
      if (!counts.has(k8sName)) return undefined;
      let last: Trouble | undefined;
      for (const trouble of troubled.values()) {
        const isIt =
          trouble.k8sName === k8sName && trouble.image !== undefined && images.includes(trouble.image);
        if (isIt && (last === undefined || trouble.heardMs >= last.heardMs)) last = trouble;
      }
      return last && { reason: last.reason, heardMs: last.heardMs };
    },
    stop: () => reflector.stop(),
  };
}

/** A ReplicaSet is named after its Deployment and its template's hash. */
function deploymentOf(pod: V1Pod): string | undefined {
  const owner = pod.metadata?.ownerReferences?.find(({ kind }) => kind === "ReplicaSet")?.name;
  const hash = pod.metadata?.labels?.["pod-template-hash"];
  return hash !== undefined && owner?.endsWith(`-${hash}`) ? owner.slice(0, -hash.length - 1) : undefined;
}
