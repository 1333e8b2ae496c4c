import type { Condition, Deployment, DeploymentStatus, ReplicaSet } from "./objects.ts";
import { bounds, total } from "./rolling-update.ts";

/** Counts and conditions of a Deployment, computed from its ReplicaSets. Nothing here writes. */

/** The counts and the condition Available; the other conditions are carried over. */
export function countedStatus(
  deployment: Deployment,
  fresh: ReplicaSet | undefined,
  all: ReplicaSet[],
  now: string,
): DeploymentStatus {
  const sum = (count: (status: ReplicaSet["status"]) => number | undefined) =>
    all.reduce((so, { status }) => so + (count(status) ?? 0), 0);
  const availableReplicas = sum((status) => status.availableReplicas);
  const counters = {
    replicas: sum((status) => status.replicas),
    updatedReplicas: fresh?.status.replicas ?? 0,
    readyReplicas: sum((status) => status.readyReplicas),
    availableReplicas,
    unavailableReplicas: Math.max(0, total(all) - availableReplicas),
  };
  const present = Object.fromEntries(Object.entries(counters).filter(([, value]) => value !== 0));
  const enough = availableReplicas >= deployment.spec.replicas - bounds(deployment).maxUnavailable;
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...present,
    terminatingReplicas: sum((status) => status.terminatingReplicas),
    conditions: withCondition(deployment.status.conditions, {
      type: "Available",
      status: enough ? "True" : "False",
      reason: enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
      message: enough
        ? "Deployment has minimum availability."
        : "Deployment does not have minimum availability.",
      lastUpdateTime: now,
      lastTransitionTime: now,
    }),
  };
}

/** `status` with the condition Progressing that follows from what changed since the Deployment's present status. */
export function progressed(
  deployment: Deployment,
  status: DeploymentStatus,
  fresh: ReplicaSet | undefined,
  nowMs: number,
  now: string,
): DeploymentStatus {
  const before = progressing(deployment.status.conditions);
  const isDone =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && before?.reason === "NewReplicaSetAvailable";
  if (isDone) return status;
  const subject =
    fresh === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${fresh.metadata.name}"`;
  const set = (value: "True" | "False", reason: string, message: string, renew = false) => ({
    ...status,
    conditions: withCondition(
      status.conditions,
      progressingCondition(value, reason, `${subject} ${message}`, now),
      renew,
    ),
  });
  if (isComplete(deployment, status))
    return set("True", "NewReplicaSetAvailable", "has successfully progressed.");
  // Every step forward restarts the deadline, hence the renewed condition.
  if (hasProgress(deployment.status, status))
    return set("True", "ReplicaSetUpdated", "is progressing.", true);
  const deadline = deadlineOf(deployment);
  return deadline !== undefined && nowMs > deadline
    ? set("False", "ProgressDeadlineExceeded", "has timed out progressing.")
    : status;
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const { replicas } = deployment.spec;
  const { updatedReplicas = 0, availableReplicas = 0, observedGeneration = 0 } = status;
  return (
    updatedReplicas === replicas &&
    (status.replicas ?? 0) === replicas &&
    availableReplicas === replicas &&
    observedGeneration >= (deployment.metadata.generation ?? 0)
  );
}

/** When the rollout in flight times out, in milliseconds; undefined when none is in flight or it has timed out. */
export function deadlineOf({ spec, status }: Deployment): number | undefined {
  const condition = progressing(status.conditions);
  if (condition?.lastUpdateTime === undefined) return undefined;
  if (condition.reason === "NewReplicaSetAvailable" || condition.reason === "ProgressDeadlineExceeded") {
    return undefined;
  }
  return Date.parse(condition.lastUpdateTime) + spec.progressDeadlineSeconds * 1000;
}

export function progressingCondition(
  status: "True" | "False" | "Unknown",
  reason: string,
  message: string,
  now: string,
): Condition {
  return { type: "Progressing", status, lastUpdateTime: now, lastTransitionTime: now, reason, message };
}

export function progressing(conditions: Condition[] | undefined): Condition | undefined {
  return conditions?.find(({ type }) => type === "Progressing");
}

/** Sets a condition; one with the same status and reason stays as it is unless it is to be renewed. */
export function withCondition(present: Condition[] | undefined, next: Condition, renew = false): Condition[] {
  const before = present?.find(({ type }) => type === next.type);
  if (!renew && before?.status === next.status && before.reason === next.reason) return present ?? [];
  const lastTransitionTime =
    before?.status === next.status ? before.lastTransitionTime : next.lastTransitionTime;
  const others = present?.filter(({ type }) => type !== next.type) ?? [];
  return [...others, { ...next, lastTransitionTime }];
}

function hasProgress(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const grew = (name: "updatedReplicas" | "readyReplicas" | "availableReplicas") =>
    (after[name] ?? 0) > (before[name] ?? 0);
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) => replicas - updatedReplicas;
  return (
    grew("updatedReplicas") || grew("readyReplicas") || grew("availableReplicas") || old(after) < old(before)
  );
}
