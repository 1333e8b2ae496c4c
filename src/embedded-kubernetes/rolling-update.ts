import type { Deployment, ReplicaSet } from "./objects.ts";

/** The arithmetic of a rolling update: how many pods each ReplicaSet may have next. Nothing here writes. */

/** Pods allowed above and missing below `spec.replicas`; percentages round so that a rollout can always move. */
export function bounds({ spec }: Deployment): { maxSurge: number; maxUnavailable: number } {
  if (spec.strategy.type !== "RollingUpdate") return { maxSurge: 0, maxUnavailable: 0 };
  const { rollingUpdate } = spec.strategy;
  const maxSurge = absolute(rollingUpdate.maxSurge, spec.replicas, Math.ceil);
  const rounded = absolute(rollingUpdate.maxUnavailable, spec.replicas, Math.floor);
  const maxUnavailable = maxSurge === 0 && rounded === 0 ? 1 : rounded;
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, spec.replicas) };
}

function absolute(value: number | string, total: number, round: (value: number) => number): number {
  return typeof value === "number" ? value : round((Number.parseInt(value, 10) * total) / 100);
}

/** Size of the new ReplicaSet next: as far up as the surge allows, or down to what is desired. */
export function newSize(deployment: Deployment, present: number, total: number): number {
  const { replicas, strategy } = deployment.spec;
  if (present >= replicas || strategy.type === "Recreate") return replicas;
  const room = replicas + bounds(deployment).maxSurge - total;
  return room <= 0 ? present : present + Math.min(room, replicas - present);
}

export interface Resize {
  replicaSet: ReplicaSet;
  replicas: number;
}

/**
 * Which old ReplicaSets shrink next. Pods that do not work go first, since nobody misses them; then as many working
 * ones as may be missing.
 */
export function shrinkOld(
  deployment: Deployment,
  fresh: ReplicaSet | undefined,
  old: ReplicaSet[],
): Resize[] {
  const all = fresh === undefined ? old : [...old, fresh];
  const minAvailable = deployment.spec.replicas - bounds(deployment).maxUnavailable;
  const freshMissing = (fresh?.spec.replicas ?? 0) - (fresh?.status.availableReplicas ?? 0);
  let removable = total(all) - minAvailable - freshMissing;
  if (removable <= 0) return [];

  const sizes = new Map(byAge(old).map((replicaSet) => [replicaSet, replicaSet.spec.replicas]));
  for (const [replicaSet, size] of sizes) {
    const broken = size - (replicaSet.status.availableReplicas ?? 0);
    const removed = Math.min(Math.max(0, broken), Math.max(0, removable));
    sizes.set(replicaSet, size - removed);
    removable -= removed;
  }
  let spare = all.reduce((sum, { status }) => sum + (status.availableReplicas ?? 0), 0) - minAvailable;
  for (const [replicaSet, size] of sizes) {
    const removed = Math.min(size, Math.max(0, spare));
    sizes.set(replicaSet, size - removed);
    spare -= removed;
  }
  return resizes(sizes);
}

/**
 * A changed `spec.replicas` in the middle of a rolling update is shared among the ReplicaSets in proportion to their
 * sizes; what rounding leaves over goes to the largest.
 */
export function proportional(deployment: Deployment, active: ReplicaSet[], formerMax: number): Resize[] {
  const { replicas } = deployment.spec;
  const allowed = replicas > 0 ? replicas + bounds(deployment).maxSurge : 0;
  const toAdd = allowed - total(active);
  const youngestFirst = byAge(active).reverse();
  const order = (toAdd > 0 ? youngestFirst : byAge(active)).sort((a, b) => b.spec.replicas - a.spec.replicas);
  const sizes = new Map(order.map((replicaSet) => [replicaSet, replicaSet.spec.replicas]));
  let left = toAdd;
  for (const [replicaSet, size] of sizes) {
    const share = Math.round((size * allowed) / Math.max(1, formerMax)) - size;
    const given = toAdd > 0 ? Math.min(Math.max(0, share), left) : Math.max(Math.min(0, share), left);
    sizes.set(replicaSet, size + given);
    left -= given;
  }
  const [largest] = order;
  if (largest !== undefined) sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + left));
  return resizes(sizes);
}

export function total(replicaSets: ReplicaSet[]): number {
  return replicaSets.reduce((sum, { spec }) => sum + spec.replicas, 0);
}

/** Oldest first. */
export function byAge(replicaSets: ReplicaSet[]): ReplicaSet[] {
  const order = ({ metadata }: ReplicaSet) => `${metadata.creationTimestamp} ${metadata.name}`;
  return [...replicaSets].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

function resizes(sizes: Map<ReplicaSet, number>): Resize[] {
  return [...sizes]
    .filter(([replicaSet, replicas]) => replicas !== replicaSet.spec.replicas)
    .map(([replicaSet, replicas]) => ({ replicaSet, replicas }));
}
