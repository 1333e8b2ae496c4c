import type { V1Deployment } from "@kubernetes/client-node";
import type { DeploymentSnapshot } from "../domain/convergence.ts";
import type { Logger } from "../log.ts";
import type { ClusterConnection } from "./connection.ts";
import { type Reflector, reflect } from "./reflector.ts";
import { snapshotOf } from "./snapshot.ts";

/** A Deployment of the watch, with the sentinel that its label names. */
export interface WatchedDeployment extends DeploymentSnapshot {
  sentinelId: string;
}

export interface WatchHandlers {
  onChange(deployment: WatchedDeployment): void;
  onDelete(k8sName: string, sentinelId: string): void;
  /** The first LIST is complete: what `get` does not know does not exist. */
  onSynced(): void;
}

export interface DeploymentWatch extends Reflector {
  get(k8sName: string): WatchedDeployment | undefined;
}

export interface WatchOptions {
  connection: ClusterConnection;
  namespace: string;
  containerName: string;
  handlers: WatchHandlers;
  logger: Logger;
  /** How long one stream lasts before it is opened anew, in seconds. */
  streamSeconds?: number;
}

const SENTINEL_LABEL = "unkey.com/sentinel.id";

/** The sentinels' Deployments of a cluster, always up to date. */
export function watchDeployments(options: WatchOptions): DeploymentWatch {
  const { namespace, containerName, handlers, ...rest } = options;
  const cache = new Map<string, WatchedDeployment>();
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
        const snapshot: WatchedDeployment = { ...snapshotOf(item, containerName), sentinelId };
        const before = cache.get(snapshot.name);
        if (before !== undefined && sameSnapshot(before, snapshot)) return;
        cache.set(snapshot.name, snapshot);
        handlers.onChange(snapshot);
      },
      deleted(name) {
        const known = cache.get(name);
        if (known === undefined) return;
        cache.delete(name);
        handlers.onDelete(name, known.sentinelId);
      },
      known: () => cache.keys(),
      synced: () => handlers.onSynced(),
    },
  });
  return Object.assign(reflector, { get: (k8sName: string) => cache.get(k8sName) });
}

function sameSnapshot(a: WatchedDeployment, b: WatchedDeployment): boolean {
  const one: Record<string, unknown> = { ...a };
  const other: Record<string, unknown> = { ...b };
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((key) => one[key] === other[key]);
}
