import type { V1Deployment } from "@kubernetes/client-node";
import type { DeploymentSnapshot } from "../domain/convergence.ts";
import type { Logger } from "../log.ts";
import { createInterner, type Intern } from "../util/interned.ts";
import type { ClusterConnection } from "./connection.ts";
import { type Reflector, reflect } from "./reflector.ts";
import { snapshotOf } from "./snapshot.ts";
import { completeSecondsOf, unavailableMsOf } from "./standing.ts";

/** A Deployment of the watch, with the sentinel that its label names, and without what the watch does not need. */
export interface WatchedDeployment extends Omit<DeploymentSnapshot, "cpuLimitMillicores" | "memoryLimitMib"> {
  sentinelId: string;
  /** When it was last seen to change, in seconds since this process began: a small number costs no object of its own. */
  changedSeconds: number;
  /** When its rolling update was complete (unix seconds); 0: it is not. */
  completeSeconds: number;
  /** Since when it has fewer available replicas than desired (unix ms), as far as that is known; absent: it has all of them. */
  unavailableMs?: number;
  /** It was seen to lose them: a source that says it was earlier is wrong. */
  wasAvailable?: true;
}

export interface WatchHandlers {
  /** @param before what was known of it; undefined: it is new */
  onChange(deployment: WatchedDeployment, before: WatchedDeployment | undefined): void;
  onDelete(deployment: WatchedDeployment): void;
  /** The first LIST is complete: what `get` does not know does not exist. */
  onSynced(): void;
}

export interface DeploymentWatch extends Reflector {
  get(k8sName: string): WatchedDeployment | undefined;
  all(): Iterable<WatchedDeployment>;
  /** Those that have fewer available replicas than desired. */
  unavailable(): Iterable<string>;
}

export interface WatchOptions {
  connection: ClusterConnection;
  namespace: string;
  containerName: string;
  handlers: WatchHandlers;
  logger: Logger;
  /** How long one stream lasts before it is opened anew, in seconds. */
  streamSeconds?: number;
  /** How often everything is listed though nothing was interrupted, in ms. */
  listEveryMs?: number;
  /** Most Deployments that are listed in one request. */
  pageSize?: number;
}

const SENTINEL_LABEL = "unkey.com/sentinel.id";

/** The sentinels' Deployments of a cluster, always up to date. */
export function watchDeployments(options: WatchOptions): DeploymentWatch {
  const { namespace, containerName, handlers, ...rest } = options;
  const cache = new Map<string, WatchedDeployment>();
  const unavailable = new Set<string>();
  const intern = createInterner();
  const reflector = reflect<V1Deployment>({
    ...rest,
    resource: {
      title: "Deployments",
      path: `/apis/apps/v1/namespaces/${namespace}/deployments`,
      labelSelector: "app.kubernetes.io/component=sentinel",
    },
    handlers: {
      changed(item) {
        const sentinelId = item.metadata?.labels?.[SENTINEL_LABEL];
        if (sentinelId === undefined) return;
        const found = watched(snapshotOf(item, containerName), sentinelId, completeSecondsOf(item), intern);
        const before = cache.get(found.name);
        // What was known already is kept, and nothing of the object just parsed.
        if (before !== undefined && isSame(before, found)) return;
        Object.assign(found, unavailability(item, found, before));
        cache.set(before?.name ?? found.name, found);
        if (found.unavailableMs === undefined) unavailable.delete(found.name);
        else unavailable.add(found.name);
        handlers.onChange(found, before);
      },
      deleted(name) {
        const known = cache.get(name);
        if (known === undefined) return;
        cache.delete(name);
        unavailable.delete(name);
        handlers.onDelete(known);
      },
      known: () => cache.keys(),
      synced: () => handlers.onSynced(),
    },
  });
  return Object.assign(reflector, {
    get: (k8sName: string) => cache.get(k8sName),
    all: () => cache.values(),
    unavailable: () => unavailable,
  });
}

/** Of one shape, and with the strings that many have in common: there may be 100,000 of them. */
function watched(
  {
    name,
    uid,
    generation,
    observedGeneration,
    desiredReplicas,
    replicas,
    updatedReplicas,
    availableReplicas,
    deleting,
    image = "",
    ...rare
  }: DeploymentSnapshot,
  sentinelId: string,
  completeSeconds: number,
  intern: Intern,
): WatchedDeployment {
  const found: WatchedDeployment = {
    name,
    sentinelId,
    changedSeconds: Math.floor(performance.now() / 1_000),
    uid,
    generation,
    observedGeneration,
    desiredReplicas,
    replicas,
    updatedReplicas,
    availableReplicas,
    deleting,
    completeSeconds,
    image: intern(image),
  };
  if (image === "") delete found.image;
  const { paused, progressDeadlineExceeded, replicaFailure } = rare;
  if (paused !== undefined) found.paused = paused;
  if (progressDeadlineExceeded !== undefined) found.progressDeadlineExceeded = progressDeadlineExceeded;
  if (replicaFailure !== undefined) found.replicaFailure = replicaFailure;
  return found;
}

/**
 * Since when it lacks replicas. This process' own eyes come first, for a cluster's clock may be another one; of what was so
 * before, as after a restart of the service, Kubernetes says since when.
 */
function unavailability(
  item: V1Deployment,
  found: WatchedDeployment,
  before: WatchedDeployment | undefined,
): Pick<WatchedDeployment, "unavailableMs" | "wasAvailable"> {
  if (found.availableReplicas >= found.desiredReplicas) return {};
  const nowMs = Date.now();
  if (before === undefined) return { unavailableMs: Math.min(unavailableMsOf(item) ?? nowMs, nowMs) };
  const { unavailableMs, wasAvailable, completeSeconds } = before;
  // What an update lacks on its way does not count once it has come up.
  const goesOn = unavailableMs !== undefined && completeSeconds === found.completeSeconds;
  if (!goesOn) return { unavailableMs: nowMs, wasAvailable: true };
  return { unavailableMs, ...(wasAvailable ? { wasAvailable } : {}) };
}

const FIELDS = [
  "name",
  "sentinelId",
  "uid",
  "generation",
  "observedGeneration",
  "desiredReplicas",
  "replicas",
  "updatedReplicas",
  "availableReplicas",
  "deleting",
  "paused",
  "completeSeconds",
  "image",
  "progressDeadlineExceeded",
  "replicaFailure",
] as const satisfies (keyof WatchedDeployment)[];

function isSame(a: WatchedDeployment, b: WatchedDeployment): boolean {
  return FIELDS.every((field) => a[field] === b[field]);
}
