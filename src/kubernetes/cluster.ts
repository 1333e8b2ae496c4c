import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import type { DeploymentSnapshot } from "../domain/convergence.ts";
import type { Logger } from "../log.ts";
import { type AilingPod, ailingPodOf } from "./ailing-pod.ts";
import { type ClusterConnection, REQUEST_TIMEOUT_MS } from "./connection.ts";
import { type DeploymentWatch, type WatchHandlers, watchDeployments } from "./deployment-watch.ts";
import { apiFailure, TransientKubernetesError, transient } from "./errors.ts";
import { createExchange, type Exchange } from "./exchange.ts";
import type { PatchOperation } from "./patch.ts";
import { createPatch, type Patch } from "./patching.ts";
import { type PodHandlers, type PodWatch, watchPods } from "./pod-watch.ts";
import { type PodTrouble, podTroubleOf } from "./pods.ts";
import { ask, json } from "./request.ts";
import { snapshotOf } from "./snapshot.ts";
import { completeSecondsOf } from "./standing.ts";
import type { ApiAnswer } from "./transport.ts";

export type { PatchOutcome } from "./attempt.ts";
export { TransientKubernetesError } from "./errors.ts";
export type { ExchangeOutcome } from "./exchange.ts";
export type { DeploymentChange } from "./patch.ts";
export type { PatchTerms } from "./restart.ts";

/** The sentinels' Deployments of one cluster. Every call answers in bounded time or throws TransientKubernetesError. */
export interface Cluster {
  readonly name: string;
  /** Changes only what is given. The same change, under the same terms, a second time changes nothing. */
  readonly patch: Patch;
  /** The same, but only of a Deployment that still has the image to be exchanged. */
  readonly exchange: Exchange;
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
  /** Watches the pods. It begins at once and goes on until it is stopped. */
  watchPods(handlers: PodHandlers, logger: Logger): PodWatch;
  /** The Deployment and those of its pods that are not well, as they are now; undefined: it does not exist. */
  readStanding(k8sName: string): Promise<ReadStanding | undefined>;
}

export interface ReadStanding {
  /** Without `unavailableMs`: since when is a matter of what was seen before. */
  deployment: DeploymentSnapshot & { completeSeconds: number };
  pods: AilingPod[];
}

const EXCHANGE = { traffic: "requests", timeoutMs: REQUEST_TIMEOUT_MS } as const;

export function createCluster(
  connection: ClusterConnection,
  namespace: string,
  containerName: string,
): WatchableCluster {
  const { core, name } = connection;
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

  function send(
    k8sName: string,
    patch: PatchOperation[],
    tries?: "tries",
    signal?: AbortSignal,
  ): Promise<V1Deployment> {
    const request = {
      method: "PATCH",
      path: pathOf(k8sName),
      parameters: {
        fieldManager: "sentinel-rollout",
        ...(tries === undefined ? {} : { dryRun: "All" }),
      },
      contentType: "application/json-patch+json",
      body: patch,
    } as const;
    return ask(connection, request, { ...EXCHANGE, signal }, deployment);
  }

  async function podTrouble(k8sName: string): Promise<PodTrouble | undefined> {
    const current = await read(k8sName);
    return current === undefined ? undefined : podTroubleOf(await podsOf(current), current, containerName);
  }

  async function podsOf({ metadata, spec }: V1Deployment): Promise<V1Pod[]> {
    const labels = spec?.selector.matchLabels;
    if (labels === undefined) return [];
    const labelSelector = Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(",");
    try {
      return (await core.listNamespacedPod({ namespace, labelSelector, limit: 500 })).items;
    } catch (error) {
      throw transient(error, `listing the pods of ${metadata?.name}`);
    }
  }

  const requests = { namespace, containerName, send, read, podTrouble };

  return {
    name,
    podTrouble,
    patch: createPatch(requests),
    exchange: createExchange(requests),

    watch: (handlers, logger) => watchDeployments({ connection, namespace, containerName, handlers, logger }),

    watchPods(handlers, logger) {
      pods = watchPods({ connection, namespace, containerName, handlers, logger });
      return pods;
    },

    async readStanding(k8sName) {
      const current = await read(k8sName);
      if (current === undefined) return undefined;
      const all = (await podsOf(current)).map((pod) =>
        ailingPodOf(pod, containerName, pods?.restartsBefore(pod.metadata?.name ?? "") ?? 0),
      );
      return {
        deployment: { ...snapshotOf(current, containerName), completeSeconds: completeSecondsOf(current) },
        pods: all.filter((pod) => pod !== undefined),
      };
    },

    inTrouble: (k8sName) => pods?.inTrouble(k8sName) ?? false,

    async read(k8sName) {
      const current = await read(k8sName);
      return current === undefined ? undefined : snapshotOf(current, containerName);
    },
  };
}

/** @throws TransientKubernetesError for an answer that is no Deployment */
async function deployment(answer: ApiAnswer): Promise<V1Deployment> {
  const object = (await json(answer)) as V1Deployment | null;
  if (object?.metadata?.uid !== undefined) return object;
  throw new TransientKubernetesError("the Kubernetes API answered with something that is no Deployment");
}
