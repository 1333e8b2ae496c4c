import { type DeploymentSnapshot, judge } from "../domain/convergence.ts";

/**
 * Remembers for each Deployment of a cluster what a waiting Deploy was last told, so that it is woken when, and only
 * when, there is something new for it to look at.
 */
export interface Signals {
  /** True when a Deploy that waits for this Deployment should look again. `undefined`: the Deployment is gone. */
  news(k8sName: string, snapshot: DeploymentSnapshot | undefined): boolean;
}

const WAITING = "waiting";

export function createSignals(): Signals {
  const last = new Map<string, string>();
  return {
    news(k8sName, snapshot) {
      const before = last.get(k8sName);
      const now = signal(snapshot);
      if (snapshot === undefined) last.delete(k8sName);
      else last.set(k8sName, now);
      if (now === before) return false;
      return now !== WAITING || before?.startsWith("suspicion") === true;
    },
  };
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
