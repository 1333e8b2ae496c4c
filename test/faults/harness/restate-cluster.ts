import { freePort } from "../../../src/local-stack/ports.ts";
import { type RestateServer, startRestate } from "../../../src/local-stack/restate-server.ts";

const ROLES = ["worker", "log-server", "admin", "metadata-server", "http-ingress"];

/** Settings of the nodes of one cluster with replicated log and metadata, that can lose any one of them. */
export async function clusterOfThree(): Promise<Record<string, string>[]> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const addresses = ports.map((port) => `http://127.0.0.1:${port}/`);
  return ports.map((port, n) => ({
    RESTATE_CLUSTER_NAME: `faults-${ports[0]}`,
    RESTATE_NODE_NAME: `node-${n + 1}`,
    RESTATE_FORCE_NODE_ID: String(n + 1),
    RESTATE_ROLES: JSON.stringify(ROLES),
    RESTATE_AUTO_PROVISION: String(n === 0),
    RESTATE_DEFAULT_REPLICATION: "2",
    RESTATE_METADATA_CLIENT__ADDRESSES: JSON.stringify(addresses),
    RESTATE_BIND_ADDRESS: `127.0.0.1:${port}`,
    RESTATE_ADVERTISED_ADDRESS: addresses[n] ?? "",
  }));
}

/** Nodes come up together only: the first of them is the stack's own. */
export async function startOthers(settings: Record<string, string>[]): Promise<RestateServer[]> {
  const starting = settings.slice(1).map((env) => startRestate({ env }));
  const started = await Promise.allSettled(starting);
  const nodes = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  if (nodes.length === starting.length) return nodes;
  for (const node of nodes) await node.stop();
  throw new Error(`a node of the cluster did not start: ${started.map((each) => each.status).join(", ")}`);
}
