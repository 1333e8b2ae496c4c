import type { V1Node } from "@kubernetes/client-node";
import { brief, type Cluster, hasCode } from "../cluster.ts";

/** Nodes for kwok to play, in a cluster that has none. */
export async function addMissingNodes(cluster: Cluster, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) {
    const body = simulatedNode(`simulated-${number}`);
    await unlessThere(`node ${body.metadata?.name}`, () => cluster.core.createNode({ body }));
  }
}

export async function addMissingNamespace(cluster: Cluster, name: string): Promise<void> {
  await unlessThere(`namespace ${name}`, () =>
    cluster.core.createNamespace({ body: { metadata: { name } } }),
  );
}

/** Room for any fleet. */
const CAPACITY = { cpu: "10k", memory: "100Ti", pods: "100k" };

function simulatedNode(name: string): V1Node {
  return {
    metadata: { name, labels: { "kubernetes.io/hostname": name, type: "kwok" } },
    status: { allocatable: CAPACITY, capacity: CAPACITY },
  };
}

async function unlessThere(what: string, create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!hasCode(error, 409)) throw new Error(`cannot create the ${what}: ${brief(error)}`);
  }
}
