import { connect } from "../kubernetes/connection.ts";
import { brief } from "./cluster.ts";
import type { StackAddresses } from "./service-env.ts";
import type { StackParts } from "./stack-types.ts";

/**
 * Those of a shell's addresses that lead to this stack; each of the others is named in a line to `log`.
 * Called before the service registers itself, when this stack's Restate still knows no service.
 */
export async function usableAddresses(
  addresses: StackAddresses,
  stack: StackParts,
  log: (line: string) => void,
): Promise<Record<string, string>> {
  const checks = {
    RESTATE_URL: (url: string) => knowsNoService(url),
    RESTATE_ADMIN_URL: (url: string) => isOurAdmin(url, stack),
    KUBECONFIG: () => seesOurFleet(stack),
  };
  const usable: Record<string, string> = {};
  for (const [name, check] of Object.entries(checks)) {
    const value = addresses[name as keyof StackAddresses];
    if (value === undefined) continue;
    const leadsHere = await check(value).catch(() => false);
    if (leadsHere) usable[name] = value;
    else log(`${name} of this shell is not used: it does not lead to this stack`);
  }
  return usable;
}

/** A Restate in use knows services; the one of this stack knows none yet. */
async function knowsNoService(ingress: string): Promise<boolean> {
  const health = await getJson(new URL("restate/health", withSlash(ingress)));
  return Array.isArray(health.services) && health.services.length === 0;
}

async function isOurAdmin(admin: string, stack: StackParts): Promise<boolean> {
  const ours = await getJson(new URL("version", withSlash(stack.restate.admin)));
  const theirs = await getJson(new URL("version", withSlash(admin)));
  return theirs.ingress_endpoint !== undefined && theirs.ingress_endpoint === ours.ingress_endpoint;
}

/** The same Deployment, by its uid, seen through the KUBECONFIG of this process. */
async function seesOurFleet(stack: StackParts): Promise<boolean> {
  const first = stack.fleet[0];
  if (first === undefined) return false;
  const ours = stack.clusterOf(first.regionId);
  const deployment = { name: first.k8sName, namespace: stack.namespace };
  const theirs = connect();
  try {
    const [seen, own] = await Promise.all(
      [theirs, ours].map((cluster) => cluster.apps.readNamespacedDeployment(deployment)),
    );
    return seen?.metadata?.uid !== undefined && seen.metadata.uid === own?.metadata?.uid;
  } catch (error) {
    throw new Error(brief(error));
  } finally {
    await theirs.close();
  }
}

async function getJson(url: URL): Promise<Record<string, unknown>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
  const body: unknown = await response.json();
  return response.ok && typeof body === "object" && body !== null ? { ...body } : {};
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
