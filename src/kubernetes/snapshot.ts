import type { V1Container, V1Deployment } from "@kubernetes/client-node";
import type { DeploymentSnapshot } from "../domain/convergence.ts";

/**
 * The few facts of a Deployment that this service decides on. Takes what the typed client returns and the plain
 * objects of a watch alike; counters that the API leaves out are 0.
 * @throws Error when the object has no name or uid: then it is no Deployment
 */
export function snapshotOf(deployment: V1Deployment, containerName: string): DeploymentSnapshot {
  const { metadata, spec, status } = deployment;
  if (metadata?.name === undefined || metadata.uid === undefined) throw new Error("not a Deployment");
  const container = spec?.template?.spec?.containers?.find(({ name }) => name === containerName);
  const deadline = conditionMessage(deployment, "Progressing", "False", "ProgressDeadlineExceeded");
  const replicaFailure = conditionMessage(deployment, "ReplicaFailure", "True");
  const cpu = scaled(container, "cpu", 1_000);
  const memory = scaled(container, "memory", 1 / 2 ** 20);
  return {
    name: metadata.name,
    uid: metadata.uid,
    generation: metadata.generation ?? 0,
    observedGeneration: status?.observedGeneration ?? 0,
    desiredReplicas: spec?.replicas ?? 1,
    replicas: status?.replicas ?? 0,
    updatedReplicas: status?.updatedReplicas ?? 0,
    availableReplicas: status?.availableReplicas ?? 0,
    deleting: metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null,
    ...(spec?.paused === true ? { paused: true as const } : {}),
    ...(container?.image === undefined ? {} : { image: container.image }),
    ...(cpu === undefined ? {} : { cpuLimitMillicores: cpu }),
    ...(memory === undefined ? {} : { memoryLimitMib: memory }),
    ...(deadline === undefined ? {} : { progressDeadlineExceeded: deadline }),
    ...(replicaFailure === undefined ? {} : { replicaFailure }),
  };
}

function conditionMessage(
  deployment: V1Deployment,
  type: string,
  status: string,
  reason?: string,
): string | undefined {
  const condition = deployment.status?.conditions?.find(
    (candidate) =>
      candidate.type === type &&
      candidate.status === status &&
      (reason === undefined || candidate.reason === reason),
  );
  return condition === undefined ? undefined : (condition.message ?? condition.reason ?? type);
}

function scaled(container: V1Container | undefined, resource: string, factor: number): number | undefined {
  const value = quantity(container?.resources?.limits?.[resource]);
  // 0.001 has no exact double: 1001 × 0.001 × 1000 must come out as 1001.
  return value === undefined ? undefined : Number((value * factor).toFixed(6));
}

const SUFFIXES: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** A Kubernetes quantity ("500m", "1.5", "256Mi", "1e3") as a number; undefined for what is none. */
export function quantity(text: string | undefined): number | undefined {
  const match = /^([\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(text ?? "");
  const factor = SUFFIXES[match?.[2] ?? ""];
  const value = Number(match?.[1]);
  return factor === undefined || Number.isNaN(value) ? undefined : value * factor;
}
