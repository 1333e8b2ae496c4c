import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { brief, type Cluster, connectCluster, hasCode, readNamespace } from "./cluster.ts";
import { announce, type Leftover } from "./leftovers.ts";

/** Marks a namespace as one that may be removed again, and says whose it is. */
const MADE_BY_LABEL = "sentinel-rollout.dev/made-by";
const MADE_BY = "dry-run";
const OWNER_LABEL = "sentinel-rollout.dev/owner";

/** Longest wait for a namespace to disappear, with everything in it. */
const REMOVAL_TIMEOUT_MS = 120_000;

/**
 * Makes the fleet's namespace. One that a dead dry run of this machine left is replaced.
 * @throws Error when it exists and was not made by this command, or is in use by another one
 */
export async function createNamespace(cluster: Cluster, name: string): Promise<{ remove(): Promise<void> }> {
  const existing = await readNamespace(cluster, name);
  const leftover = {
    kind: "namespace",
    kubeconfig: cluster.kubeconfig,
    context: cluster.name,
    name,
  } as const;
  if (existing !== undefined) {
    const owner = existing.metadata?.labels?.[OWNER_LABEL] ?? "";
    if (existing.metadata?.labels?.[MADE_BY_LABEL] !== MADE_BY) {
      throw new Error(
        `the namespace ${name} exists and was not made by this command: set KUBE_NAMESPACE to one that does not exist`,
      );
    }
    if (owner === ownerName(process.pid)) return { remove: async () => undefined };
    if (!isDeadHere(owner)) {
      throw new Error(
        `the namespace ${name} is in use by another dry run (${owner}): set KUBE_NAMESPACE, ` +
          `or if that one is gone: kubectl delete namespace ${name}`,
      );
    }
    await removeNamespace(leftover);
  }
  const gone = announce(leftover);
  try {
    await cluster.core.createNamespace({
      body: {
        metadata: {
          name,
          labels: { [MADE_BY_LABEL]: MADE_BY, [OWNER_LABEL]: ownerName(process.pid) },
        },
      },
    });
  } catch (error) {
    gone();
    throw new Error(`cannot create the namespace ${name}: ${brief(error)}`);
  }
  return {
    async remove() {
      await removeNamespace(leftover);
      gone();
    },
  };
}

/** Removes a namespace that bears the mark, with all in it; resolves once it is gone. */
export async function removeNamespace(leftover: Extract<Leftover, { kind: "namespace" }>): Promise<void> {
  const cluster = connectCluster(leftover.kubeconfig, leftover.context);
  try {
    await remove(cluster, leftover.name);
  } finally {
    await cluster.close();
  }
}

async function remove(cluster: Cluster, name: string): Promise<void> {
  const deadline = Date.now() + REMOVAL_TIMEOUT_MS;
  let uid: string | undefined;
  for (;;) {
    const { metadata } = (await readNamespace(cluster, name)) ?? {};
    if (metadata?.labels?.[MADE_BY_LABEL] !== MADE_BY) return;
    if (uid === undefined) await ask(cluster, name);
    // Another one of that name is somebody else's.
    else if (metadata.uid !== uid) return;
    uid = metadata.uid;
    if (Date.now() > deadline) throw new Error(`the namespace ${name} is still being removed`);
    await delay(250);
  }
}

async function ask(cluster: Cluster, name: string): Promise<void> {
  try {
    await cluster.core.deleteNamespace({ name });
  } catch (error) {
    if (!hasCode(error, 404) && !hasCode(error, 409)) {
      throw new Error(`cannot remove the namespace ${name}: ${brief(error)}`);
    }
  }
}

/** This process among all that may use the cluster, as a label value. */
export function ownerName(pid: number): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9.-]/g, "-")
    .slice(0, 40);
  return `${host}_${pid}`;
}

function isDeadHere(owner: string): boolean {
  const pid = Number(owner.split("_").at(-1));
  if (!Number.isInteger(pid) || owner !== ownerName(pid)) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
