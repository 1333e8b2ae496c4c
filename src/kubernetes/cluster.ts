import type { V1Deployment } from "@kubernetes/client-node";
import type { DeploymentSnapshot } from "../domain/convergence.ts";
import type { Logger } from "../log.ts";
import { type ClusterConnection, REQUEST_TIMEOUT_MS } from "./connection.ts";
import { apiFailure, TransientKubernetesError, transient } from "./errors.ts";
import { type ExchangeOutcome, exchange } from "./exchange.ts";
import { type DeploymentChange, fittedPatch, guessedPatch, type PatchOperation } from "./patch.ts";
import { ask, json } from "./plain.ts";
import { type PodWatch, type PodWatchOptions, watchPods } from "./pod-watch.ts";
import { type PodTrouble, podTroubleOf } from "./pods.ts";
import { snapshotOf } from "./snapshot.ts";
import type { Answer } from "./transport.ts";
import { type DeploymentWatch, type WatchHandlers, watchDeployments } from "./watch.ts";

export { TransientKubernetesError } from "./errors.ts";
export type { ExchangeOutcome } from "./exchange.ts";
export type { DeploymentChange } from "./patch.ts";

/** `refused` is definite: the Deployment is missing or being deleted, has no such container, or the change is invalid. */
export type PatchOutcome =
  | { kind: "patched"; snapshot: DeploymentSnapshot }
  | { kind: "refused"; reason: string };

/** The sentinels' Deployments of one cluster. Every call answers in bounded time or throws TransientKubernetesError. */
export interface Cluster {
  readonly name: string;
  /** Changes only what is given. The same change a second time changes nothing. */
  patch(k8sName: string, change: DeploymentChange): Promise<PatchOutcome>;
  /** Likewise, but only where the image is `from`, and not where somebody has changed it since. */
  exchange(k8sName: string, change: DeploymentChange, from: string): Promise<ExchangeOutcome>;
  /** Undefined: it does not exist. */
  read(k8sName: string): Promise<DeploymentSnapshot | undefined>;
  /** Why the pods of the newest template do not come up, in their own words, or undefined. */
  podTrouble(k8sName: string): Promise<PodTrouble | undefined>;
  /** Whether it is worth asking for `podTrouble`; known without a request where the pods are watched. */
  inTrouble(k8sName: string): boolean;
}

/** A cluster as the watcher sees it. */
export interface WatchableCluster extends Cluster {
  /** Begins at once and goes on until it is stopped. */
  watch(handlers: WatchHandlers, logger: Logger): DeploymentWatch;
  /** Likewise, of the pods. */
  watchPods(onTrouble: PodWatchOptions["onTrouble"], logger: Logger): PodWatch;
}

/** How often a patch is fitted anew to a Deployment that changes meanwhile, before the caller has to try again. */
const FITTINGS = 5;

const EXCHANGE = { lane: "requests", timeoutMs: REQUEST_TIMEOUT_MS } as const;

export function createCluster(
  connection: ClusterConnection,
  namespace: string,
  containerName: string,
): WatchableCluster {
  const { core, name } = connection;
  /** Place of the container where it is not the first. */
  const places = new Map<string, number>();
  let pods: PodWatch | undefined;
  const pathOf = (k8sName: string) =>
    `/apis/apps/v1/namespaces/${namespace}/deployments/${encodeURIComponent(k8sName)}`;

  async function read(k8sName: string): Promise<V1Deployment | undefined> {
    try {
      return await ask(connection, { method: "GET", path: pathOf(k8sName) }, EXCHANGE, deployment);
    } catch (error) {
      const failure = apiFailure(error);
      if (failure?.code === 404 && failure.fromKubernetes) return undefined;
      throw transient(error, `reading Deployment ${k8sName}`);
    }
  }

  /** Undefined: the patch did not fit the Deployment as it is now. */
  async function send(k8sName: string, patch: PatchOperation[]): Promise<PatchOutcome | undefined> {
    try {
      const request = {
        method: "PATCH",
        path: pathOf(k8sName),
        parameters: { fieldManager: "sentinel-rollout" },
        contentType: "application/json-patch+json",
        body: patch,
      } as const;
      const snapshot = snapshotOf(await ask(connection, request, EXCHANGE, deployment), containerName);
      if (snapshot.deleting) return refused(`Deployment ${k8sName} is being deleted`);
      return { kind: "patched", snapshot };
    } catch (error) {
      const failure = apiFailure(error);
      if (failure?.fromKubernetes !== true) throw transient(error, `patching Deployment ${k8sName}`);
      const { code, causes, message } = failure;
      if (code === 409 || (code === 422 && causes.length === 0)) return undefined;
      if (code === 404) return refused(`Deployment ${k8sName} not found in namespace ${namespace}`);
      if (code === 422) return refused(`Kubernetes refused the change: ${causes.join("; ")}`);
      if (code === 400) return refused(`Kubernetes refused the change: ${message}`);
      throw transient(error, `patching Deployment ${k8sName}`);
    }
  }

  return {
    name,

    watch: (handlers, logger) => watchDeployments({ connection, namespace, containerName, handlers, logger }),

    watchPods(onTrouble, logger) {
      pods = watchPods({ connection, namespace, containerName, onTrouble, logger });
      return pods;
    },

    inTrouble: (k8sName) => pods?.inTrouble(k8sName) ?? false,

    async patch(k8sName, change) {
      let outcome = await send(k8sName, guessedPatch(change, containerName, places.get(k8sName) ?? 0));
      for (let fitting = 0; outcome === undefined && fitting < FITTINGS; fitting++) {
        const current = await read(k8sName);
        if (current === undefined)
          return refused(`Deployment ${k8sName} not found in namespace ${namespace}`);
        const containers = current.spec?.template?.spec?.containers ?? [];
        const place = containers.findIndex((container) => container.name === containerName);
        if (place < 0) return refused(`Deployment ${k8sName} has no container named ${containerName}`);
        if (place === 0) places.delete(k8sName);
        else places.set(k8sName, place);
        outcome = await send(k8sName, fittedPatch(change, containerName, place, current));
      }
      if (outcome === undefined) {
        throw new TransientKubernetesError(`patching Deployment ${k8sName}: it keeps changing meanwhile`);
      }
      return outcome;
    },

    exchange: (k8sName, change, from) =>
      exchange(change, from, {
        containerName,
        place: places.get(k8sName) ?? 0,
        read: () => read(k8sName),
        send: (patch) => send(k8sName, patch),
      }),

    async read(k8sName) {
      const current = await read(k8sName);
      return current === undefined ? undefined : snapshotOf(current, containerName);
    },

    async podTrouble(k8sName) {
      const current = await read(k8sName);
      const labels = current?.spec?.selector.matchLabels;
      if (current === undefined || labels === undefined) return undefined;
      const labelSelector = Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(",");
      try {
        const { items } = await core.listNamespacedPod({ namespace, labelSelector, limit: 500 });
        return podTroubleOf(items, current, containerName);
      } catch (error) {
        throw transient(error, `listing the pods of ${k8sName}`);
      }
    },
  };
}

/** @throws TransientKubernetesError for an answer that is no Deployment */
async function deployment(answer: Answer): Promise<V1Deployment> {
  const object = (await json(answer)) as V1Deployment | null;
  if (object?.metadata?.uid !== undefined) return object;
  throw new TransientKubernetesError("the Kubernetes API answered with something that is no Deployment");
}

function refused(reason: string): PatchOutcome {
  return { kind: "refused", reason };
}
