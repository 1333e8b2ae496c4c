import { judge } from "../domain/convergence.ts";
import type { WatchedDeployment } from "../kubernetes/deployment-watch.ts";
import type { PodWord } from "../kubernetes/pod-watch.ts";
import type { ObservedRow } from "../mysql/row.ts";

/** What this replica knows of a sentinel that is under way: of its caches alone, so it may be old. */
export interface News {
  /** What the Deployment lacks, as one clause for a person. */
  lacks: string;
  /** What its pods say of themselves; absent: nothing. */
  pods?: string;
  /** When the newest of it was heard (unix ms); absent: nothing of it was ever heard here. */
  heardMs?: number;
}

export interface Known {
  /** What admission makes of the image of the rollout. */
  rewrittenTo: string | undefined;
  /** Undefined: the region has none. */
  cluster: string | undefined;
  /** All Deployments of the cluster are known here. */
  isListed: boolean;
  /** It does not answer now. */
  isAway: boolean;
  deployment: WatchedDeployment | undefined;
  lastWord(images: readonly string[]): PodWord | undefined;
  nowMs: number;
}

export function newsOf(row: ObservedRow, known: Known): News {
  const { cluster, deployment, nowMs } = known;
  if (cluster === undefined) return { lacks: `a cluster: the region ${row.regionId} is mapped to none` };
  const away = known.isAway ? `; the cluster ${cluster} does not answer, so this may be old` : "";
  if (deployment === undefined) {
    return known.isListed
      ? { lacks: `its Deployment: there is no ${row.k8sName} in the cluster ${cluster}${away}` }
      : { lacks: `not known: this replica has not listed the cluster ${cluster} yet${away}` };
  }
  const images = [row.image, ...(known.rewrittenTo === undefined ? [] : [known.rewrittenTo])];
  const ageMs = performance.now() - deployment.changedSeconds * 1_000;
  const changedMs = Math.round(nowMs - Math.max(ageMs, 0));
  const word = deployment.updatedReplicas > 0 ? known.lastWord(images) : undefined;
  return {
    lacks: `${lacking(deployment, images)}${away}`,
    ...(word === undefined ? {} : { pods: word.reason }),
    heardMs: Math.max(changedMs, word?.heardMs ?? 0),
  };
}

function lacking(deployment: WatchedDeployment, images: readonly string[]): string {
  if (deployment.image !== undefined && !images.includes(deployment.image)) {
    return `the image: the Deployment is still set to ${deployment.image}`;
  }
  const verdict = judge(deployment);
  switch (verdict.kind) {
    case "converged":
      return "nothing: it has converged, and its Deploy is about to end";
    case "recreated":
      return "the patch: it was deleted and created again";
    case "failed":
      return verdict.reason;
    case "waiting":
      return verdict.suspicion === undefined ? verdict.on : `${verdict.on} (${verdict.suspicion.reason})`;
  }
}
