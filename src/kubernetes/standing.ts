import type { V1Deployment, V1DeploymentCondition } from "@kubernetes/client-node";

// Takes what the typed client returns, with its Dates, and the plain objects of a watch alike.

/**
 * When the rolling update of a Deployment was complete (unix seconds); 0: it is under way, or does not come up. The condition
 * Progressing stays as it is when pods break later, but is also left as it was for a moment when an older ReplicaSet comes back:
 * then not all replicas are updated ones.
 */
export function completeSecondsOf({ metadata, spec, status }: V1Deployment): number {
  const replicas = status?.replicas ?? 0;
  const areUpdated = replicas === (status?.updatedReplicas ?? 0);
  const progressing = conditionOf(status?.conditions, "Progressing");
  if (progressing === undefined) {
    // Without a deadline Kubernetes keeps no record of progress.
    return areUpdated && replicas === (spec?.replicas ?? 1) ? seconds(metadata?.creationTimestamp) : 0;
  }
  if (progressing.reason !== "NewReplicaSetAvailable" || !areUpdated) return 0;
  return seconds(progressing.lastUpdateTime ?? progressing.lastTransitionTime);
}

/** Since when Kubernetes itself says that it is not available (unix ms); undefined: it does not say so. */
export function unavailableMsOf({ status }: V1Deployment): number | undefined {
  const available = conditionOf(status?.conditions, "Available");
  return available?.status === "False" ? msOf(available.lastTransitionTime) : undefined;
}

/** Unix ms. */
export function msOf(time: Date | string | undefined): number | undefined {
  const ms = typeof time === "string" ? Date.parse(time) : (time?.getTime() ?? Number.NaN);
  return Number.isNaN(ms) ? undefined : ms;
}

/** A time that is not told is an early one. */
function seconds(time: Date | undefined): number {
  return Math.max(Math.floor((msOf(time) ?? 0) / 1_000), 1);
}

function conditionOf(
  conditions: V1DeploymentCondition[] | undefined,
  type: string,
): V1DeploymentCondition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
