import type { WatchableCluster } from "../../src/kubernetes/cluster.ts";
import { connectClusters } from "../../src/kubernetes/clusters.ts";
import { startKubernetes, type TestKubernetes } from "../support/kubernetes.ts";

/** A namespace of the cluster under test, and the service's own client of it. */
export interface Connected {
  kubernetes: TestKubernetes;
  cluster: WatchableCluster;
  stop(): Promise<void>;
}

export async function connected(): Promise<Connected> {
  const kubernetes = await startKubernetes();
  const { namespace: kubeNamespace, kubeconfigFile } = kubernetes;
  const config = {
    kubeContexts: new Map<string, string>(),
    kubeNamespace,
    kubeContainer: "sentinel",
    kubeconfigFile,
  };
  const clusters = await connectClusters(config);
  const [cluster] = clusters.all;
  if (cluster === undefined) throw new Error("there is no cluster");
  return {
    ...{ kubernetes, cluster },
    async stop() {
      await clusters.close();
      await kubernetes.stop();
    },
  };
}
