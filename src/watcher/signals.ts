import { type DeploymentSnapshot, judge } from "../domain/convergence.ts";

const WAITING = "waiting";

/**
 * True when a Deploy that waits for this Deployment should look again: when, and only when, there is something new for it
 * to look at. `before` undefined: it was not known; `now` undefined: it is gone.
 */
export function isNews(before: DeploymentSnapshot | undefined, now: DeploymentSnapshot | undefined): boolean {
  const next = signal(now);
  if (before === undefined) return next !== WAITING;
  const last = signal(before);
  return next !== last && (next !== WAITING || last.startsWith("suspicion"));
}

/** True when pods of the newest template have come to be: what was known of trouble among its pods may be theirs. */
export function hasNewPods(
  before: DeploymentSnapshot | undefined,
  now: DeploymentSnapshot | undefined,
): boolean {
  return (before?.updatedReplicas ?? 0) === 0 && (now?.updatedReplicas ?? 0) > 0;
}

/** True when a Deploy that still waits for this Deployment has something to decide on. */
export function worthALook(snapshot: DeploymentSnapshot | undefined): boolean {
  return signal(snapshot) !== WAITING;
}

function signal(snapshot: DeploymentSnapshot | undefined): string {
  const verdict = judge(snapshot);
  if (verdict.kind === "waiting") {
    return verdict.suspicion === undefined ? WAITING : `suspicion ${verdict.suspicion.reason}`;
  }
  // A new generation is a new rollout, even where nothing was seen of the time between.
  return `${verdict.kind} ${snapshot?.uid} ${snapshot?.generation}`;
}
