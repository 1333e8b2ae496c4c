import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import type { Config } from "../config.ts";
import type { EmbeddedKubernetes, EmbeddedKubernetesOptions } from "../embedded-kubernetes/index.ts";
import { brief, type Cluster, connectCluster, hasCode } from "./cluster.ts";
import { createNamespace } from "./namespace.ts";
import { Undo } from "./undo.ts";

/** Where the fleet's Deployments live: the embedded API, or a real cluster. */
export interface StackCluster {
  /** Path of a kubeconfig with every context that is in use. */
  kubeconfig: string;
  /** By context, or one with the name ""; none on a real cluster. */
  embedded: ReadonlyMap<string, EmbeddedKubernetes>;
  /** By region, as `KUBE_CONTEXTS` says; without it one for all. */
  clusterOf(regionId: string): Cluster;
  close(): Promise<void>;
}

type Placement = Pick<Config, "kubeContexts" | "kubeNamespace">;

/** An embedded Kubernetes API; one for each context, with a token of its own, where `KUBE_CONTEXTS` names any. */
export async function embeddedCluster(
  directory: string,
  placement: Placement,
  options: EmbeddedKubernetesOptions = {},
): Promise<StackCluster> {
  const undo = new Undo();
  try {
    const { startEmbeddedKubernetes } = await import("../embedded-kubernetes/index.ts");
    const all = new Map<string, EmbeddedKubernetes>();
    const merged = new KubeConfig();
    const contexts = [...new Set(placement.kubeContexts.values())];
    for (const context of contexts.length === 0 ? [undefined] : contexts) {
      const own = context === undefined ? {} : { name: context, token: randomUUID() };
      const embedded = await startEmbeddedKubernetes({ ...options, ...own });
      undo.add(() => embedded.close());
      all.set(context ?? "", embedded);
      const config = new KubeConfig();
      config.loadFromString(embedded.kubeconfig(placement.kubeNamespace));
      merged.mergeConfig(config, all.size > 1);
    }
    const kubeconfig = join(directory, "kubeconfig");
    await writeFile(kubeconfig, merged.exportConfig(), { mode: 0o600 });
    const clusters = await prepare(kubeconfig, placement, undo, plainNamespace);
    return { ...clusters, embedded: all };
  } catch (error) {
    await undo.run();
    throw error;
  }
}

/**
 * A real cluster: the namespace is made, and removed at the end with everything in it.
 * @throws Error when the namespace exists and was not made by this command
 */
export async function realCluster(
  kubeconfig: string,
  placement: Placement,
  log: (line: string) => void,
): Promise<StackCluster> {
  const undo = new Undo();
  try {
    const cluster = await prepare(kubeconfig, placement, undo, createNamespace);
    // Real clusters take their time.
    undo.add(() => log(`removing the namespace ${placement.kubeNamespace}`));
    return { ...cluster, embedded: new Map() };
  } catch (error) {
    await undo.run();
    throw error;
  }
}

async function prepare(
  kubeconfig: string,
  placement: Placement,
  undo: Undo,
  makeNamespace: typeof createNamespace,
): Promise<Omit<StackCluster, "embedded">> {
  const contexts = [...new Set(placement.kubeContexts.values())];
  const byContext = new Map<string, Cluster>();
  for (const context of contexts.length === 0 ? [undefined] : contexts) {
    const cluster = connectCluster(kubeconfig, context);
    undo.add(() => cluster.close());
    const namespace = await makeNamespace(cluster, placement.kubeNamespace);
    undo.add(() => namespace.remove());
    byContext.set(context ?? "", cluster);
  }
  return {
    kubeconfig,
    clusterOf(regionId) {
      const cluster = byContext.get(placement.kubeContexts.get(regionId) ?? "");
      if (cluster === undefined) throw new Error(`KUBE_CONTEXTS names no context for the region ${regionId}`);
      return cluster;
    },
    close: () => undo.run(),
  };
}

/** In the embedded cluster, which goes away as a whole. */
async function plainNamespace(cluster: Cluster, name: string): Promise<{ remove(): Promise<void> }> {
  try {
    await cluster.core.createNamespace({ body: { metadata: { name } } });
  } catch (error) {
    if (!hasCode(error, 409)) throw new Error(`cannot create the namespace ${name}: ${brief(error)}`);
  }
  return { remove: async () => undefined };
}
