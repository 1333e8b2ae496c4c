import { examine, type Judgement } from "../domain/regression.ts";
import type { WatchableCluster } from "../kubernetes/cluster.ts";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { DeploymentWatch, WatchedDeployment } from "../kubernetes/deployment-watch.ts";
import type { PodWatch } from "../kubernetes/pod-watch.ts";
import type { KnownRow } from "./observed-columns.ts";

/** A cluster, and what is watched of it. */
export interface WatchedCluster {
  cluster: WatchableCluster;
  deployments: DeploymentWatch;
  pods: PodWatch;
}

/** A sentinel of which it is known where it runs. */
export interface Sighted {
  at: WatchedCluster;
  deployment: WatchedDeployment;
  row: KnownRow;
}

/** What this replica's caches say of the health of sentinels. It sends no request. */
export interface Sight {
  clusters: readonly WatchedCluster[];
  /** The names of the clusters that do not answer, or of which what is known may be old. */
  unseen(): ReadonlySet<string>;
  /** Undefined: its cluster, or its row, is not the one of its Deployment, or nothing is known of it. */
  sighted(id: string): Sighted | undefined;
  /** Undefined: the row's region has none. */
  clusterOf(row: Pick<KnownRow, "regionId">): WatchedCluster | undefined;
  /** Every Deployment that belongs to a row, of those with one of these names, or of all. */
  each(at: WatchedCluster, names?: Iterable<string>): Iterable<Sighted>;
  /** By the caches alone. */
  judged(sighted: Sighted, images: readonly string[], isSeen: boolean): Judgement;
  /** How long (ms) nothing of its Deployment has changed. */
  unchangedMs(deployment: WatchedDeployment): number;
}

export interface SightOptions {
  clusters: Clusters;
  watched: readonly WatchedCluster[];
  known(id: string): KnownRow | undefined;
  /** How long (ms) a sentinel may be without its replicas. */
  debounceMs: number;
}

export function createSight({ clusters, watched, known, debounceMs }: SightOptions): Sight {
  function ofRow(at: WatchedCluster, deployment: WatchedDeployment | undefined): Sighted | undefined {
    const row = deployment === undefined ? undefined : known(deployment.sentinelId);
    if (deployment === undefined || row === undefined || row.k8sName !== deployment.name) return undefined;
    return clusters.forRegion(row.regionId) === at.cluster ? { at, deployment, row } : undefined;
  }

  function clusterOf({ regionId }: Pick<KnownRow, "regionId">): WatchedCluster | undefined {
    const cluster = clusters.forRegion(regionId);
    return watched.find((each) => each.cluster === cluster);
  }

  return {
    clusters: watched,
    clusterOf,

    unseen() {
      const away = clusters.health().filter(({ reachable }) => !reachable);
      const old = watched.filter(({ deployments }) => !deployments.synced || !deployments.current);
      return new Set([...away.map(({ cluster }) => cluster), ...old.map(({ cluster }) => cluster.name)]);
    },

    sighted(id) {
      const row = known(id);
      const at = row === undefined ? undefined : clusterOf(row);
      const found = at === undefined ? undefined : ofRow(at, at.deployments.get(row?.k8sName ?? ""));
      return found?.deployment.sentinelId === id ? found : undefined;
    },

    *each(at, names) {
      if (names === undefined) {
        for (const deployment of at.deployments.all()) {
          const found = ofRow(at, deployment);
          if (found !== undefined) yield found;
        }
        return;
      }
      for (const name of names) {
        const found = ofRow(at, at.deployments.get(name));
        if (found !== undefined) yield found;
      }
    },

    judged({ at, deployment, row }, images, isSeen) {
      const { name, image, completeSeconds } = deployment;
      const pods = at.pods.standing(name, image, completeSeconds);
      const since = unavailableMs(deployment, pods?.unreadyMs);
      const standing = since === undefined ? deployment : { ...deployment, unavailableMs: since };
      return examine({ images, isSeen, deployment: standing, pods, row, nowMs: Date.now(), debounceMs });
    },

    // Whole seconds: it may have been at the end of its second.
    unchangedMs: ({ changedSeconds }) => performance.now() - (changedSeconds + 1) * 1_000,
  };
}

/** The oldest of what is known, but for what was before it was seen to be well. */
export function unavailableMs(
  { unavailableMs: since, wasAvailable }: Pick<WatchedDeployment, "unavailableMs" | "wasAvailable">,
  unreadyMs: number | undefined,
): number | undefined {
  if (since === undefined || unreadyMs === undefined || wasAvailable) return since;
  return Math.min(since, unreadyMs);
}
