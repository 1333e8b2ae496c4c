import type { Deployment, ObjectMeta, ReplicaSet } from "./objects.ts";
import { bounds } from "./rolling-update.ts";

/** The annotations by which `kubectl rollout history` and `undo` find their way. */

export const REVISION = "deployment.kubernetes.io/revision";
const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
export const DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
export const MAX_REPLICAS = "deployment.kubernetes.io/max-replicas";

const NOT_COPIED = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

export function revisionOf({ metadata }: { metadata: Pick<ObjectMeta, "annotations"> }): number {
  return Number(metadata.annotations?.[REVISION] ?? 0);
}

/** Annotations of the Deployment's newest ReplicaSet: the Deployment's own, and a revision above all `old` ones. */
export function newestAnnotations(
  deployment: Deployment,
  present: Record<string, string> | undefined,
  old: ReplicaSet[],
): Record<string, string> {
  const own = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !NOT_COPIED.has(name));
  const annotations = { ...present, ...Object.fromEntries(own) };
  const revision = Math.max(0, ...old.map(revisionOf)) + 1;
  const former = present?.[REVISION];
  if (former !== undefined && Number(former) >= revision) return annotations;
  annotations[REVISION] = String(revision);
  if (former !== undefined) {
    const history = present?.[REVISION_HISTORY];
    annotations[REVISION_HISTORY] = history === undefined ? former : `${history},${former}`;
  }
  return annotations;
}

/** The size that a ReplicaSet was made for: when it differs from the Deployment's, somebody scaled it. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const { replicas } = deployment.spec;
  return {
    [DESIRED_REPLICAS]: String(replicas),
    [MAX_REPLICAS]: String(replicas + bounds(deployment).maxSurge),
  };
}
