import type { Config } from "../config.ts";
import { type Cluster, createCluster, type WatchableCluster } from "./cluster.ts";
import { type ClusterConnection, type ClusterObservers, connect } from "./connection.ts";
import type { ClusterHealth } from "./health.ts";

export interface Clusters {
  /** Undefined: the region is not mapped to any cluster. */
  forRegion(regionId: string): Cluster | undefined;
  /** Each cluster once, however many regions it serves. */
  all: WatchableCluster[];
  /** Of each cluster, as this process finds it now. */
  health(): ClusterHealth[];
  close(): Promise<void>;
}

export type ClustersConfig = Pick<Config, "kubeContexts" | "kubeNamespace" | "kubeContainer"> & {
  /** Instead of $KUBECONFIG, the default file or the service account of the pod. */
  kubeconfigFile?: string;
};

/**
 * One client, with connections and credentials of its own, for each cluster. Sends no request yet.
 * @throws Error naming a context that the kubeconfig does not have
 */
export async function connectClusters(
  config: ClustersConfig,
  observers?: ClusterObservers,
): Promise<Clusters> {
  const contexts = [...new Set(config.kubeContexts.values())];
  const connections: ClusterConnection[] = (contexts.length === 0 ? [undefined] : contexts).map((context) =>
    connect(context, config.kubeconfigFile, observers),
  );
  const all = connections.map((connection) =>
    createCluster(connection, config.kubeNamespace, config.kubeContainer),
  );
  const byName = new Map(all.map((cluster) => [cluster.name, cluster]));
  return {
    forRegion: (regionId) =>
      config.kubeContexts.size === 0 ? all[0] : byName.get(config.kubeContexts.get(regionId) ?? ""),
    all,
    health: () => connections.map(({ health }) => health.current),
    close: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}
