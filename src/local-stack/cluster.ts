import { ApiException, type V1Deployment, type V1Namespace } from "@kubernetes/client-node";
import { type ClusterConnection, connect } from "../kubernetes/connection.ts";

/** One cluster the fleet is made on. */
export interface Cluster extends ClusterConnection {
  /** The file it was read from. */
  kubeconfig: string;
}

/**
 * @param context default: the file's current one
 * @throws Error that names the file
 */
export function connectCluster(kubeconfig: string, context?: string): Cluster {
  try {
    return { ...connect(context, kubeconfig), kubeconfig };
  } catch (error) {
    throw new Error(`cannot use the kubeconfig ${kubeconfig}: ${(error as Error).message}`);
  }
}

/** All sentinel Deployments of a namespace. */
export async function listSentinelDeployments(cluster: Cluster, namespace: string): Promise<V1Deployment[]> {
  const list = await cluster.apps.listNamespacedDeployment({
    namespace,
    labelSelector: `${COMPONENT_LABEL}=sentinel`,
  });
  return list.items;
}

export const COMPONENT_LABEL = "app.kubernetes.io/component";
export const ID_LABEL = "unkey.com/sentinel.id";

/** undefined when there is none. @throws Error when the cluster does not answer */
export async function readNamespace(cluster: Cluster, name: string): Promise<V1Namespace | undefined> {
  try {
    return await cluster.core.readNamespace({ name });
  } catch (error) {
    if (hasCode(error, 404)) return undefined;
    throw new Error(`the cluster of ${cluster.kubeconfig} does not answer: ${brief(error)}`);
  }
}

export function hasCode(error: unknown, code: number): boolean {
  return error instanceof ApiException && error.code === code;
}

/** The one line of a client error that matters; the rest is headers. */
export function brief(error: unknown): string {
  if (!(error instanceof ApiException)) {
    const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
    return cause?.code ?? (error as Error).message;
  }
  try {
    const status: { message?: string } = JSON.parse(String(error.body));
    return status.message ?? `HTTP ${error.code}`;
  } catch {
    return `HTTP ${error.code}`;
  }
}
