import { plural } from "./progress.ts";

/**
 * Has a Deployment taken its image? One pure predicate over plain numbers, in the order in which
 * `kubectl rollout status` checks them, so that what this service reports is what an operator would see.
 */

/** What counts of a Deployment, as read at one moment. Counters that Kubernetes leaves out are 0. */
export interface DeploymentSnapshot {
  /** Name of the Deployment (the row's `k8s_name`). */
  name: string;
  uid: string;
  /** `metadata.generation`: grows with every change of the spec. */
  generation: number;
  /** `status.observedGeneration`: the newest generation that the Deployment controller has acted on. */
  observedGeneration: number;
  /** `spec.replicas`; Kubernetes defaults it to 1. */
  desiredReplicas: number;
  replicas: number;
  updatedReplicas: number;
  availableReplicas: number;
  /** Image of the sentinel's container in the pod template; undefined when there is no such container. */
  image?: string;
  cpuLimitMillicores?: number;
  memoryLimitMib?: number;
  /** True once a deletion timestamp is set: a Deployment in foreground deletion still accepts patches. */
  deleting: boolean;
  /** `spec.paused`, where it is true: a change of the pod template has no effect then. */
  paused?: true;
  /** Message of the condition Progressing=False/ProgressDeadlineExceeded, when present. */
  progressDeadlineExceeded?: string;
  /** Message of the condition ReplicaFailure=True (quota, admission), when present. It can heal. */
  replicaFailure?: string;
}

/** What a Deploy expects to see come up: the image it patched in, at that patch's generation or later. */
export interface Expectation {
  image: string;
  /** Lowest `metadata.generation` that can carry the change; 0 when nothing was patched. */
  generation: number;
  /** `metadata.uid` of what was patched: another one is another Deployment, of whichever generation. */
  uid?: string;
  /** The patch changed nothing in the pod template: a deadline that has passed may have passed before it. */
  unchanged?: true;
}

/** A failure that may yet heal; it becomes final once it has lasted long enough for its kind. */
export interface Suspicion {
  /** In the words of Kubernetes. */
  reason: string;
  /** `failure`: after FAIL_FAST_SECONDS; `unschedulable`: after UNSCHEDULABLE_SECONDS, for a node may be on its way. */
  kind: "failure" | "unschedulable";
}

/** `waiting.on` and every reason are one clause for a person. */
export type Verdict =
  | { kind: "converged" }
  /** `late`: its deadline has passed, maybe before the patch. */
  | { kind: "waiting"; on: string; suspicion?: Suspicion; late?: true }
  /** It was deleted and created again since the patch, which the new one does not have. */
  | { kind: "recreated" }
  | {
      kind: "failed";
      reason: string;
      /** The new pods do not come up, and may tell why themselves. */
      stalled?: true;
      /** Somebody has given it this image since. */
      moved?: string;
    };

/** Judges a Deployment; `undefined` stands for one that does not exist. */
export function judge(snapshot: DeploymentSnapshot | undefined, expected?: Expectation): Verdict {
  if (snapshot === undefined) return failed("Deployment not found");
  if (snapshot.deleting) return failed("Deployment is being deleted");
  if (expected?.uid !== undefined && snapshot.uid !== expected.uid) return { kind: "recreated" };
  if (snapshot.image === undefined) return failed("Deployment has no sentinel container");
  if (expected !== undefined && snapshot.image !== expected.image) {
    return { ...failed(`image was changed to ${snapshot.image} by somebody else`), moved: snapshot.image };
  }
  const needed = Math.max(snapshot.generation, expected?.generation ?? 0);
  if (snapshot.observedGeneration < needed) {
    return { kind: "waiting", on: "the Deployment controller to see the change" };
  }
  if (snapshot.progressDeadlineExceeded !== undefined) {
    const reason = `ProgressDeadlineExceeded: ${snapshot.progressDeadlineExceeded}`;
    if (expected?.unchanged !== true) return { ...failed(reason), stalled: true };
    const suspicion: Suspicion = { reason, kind: "failure" };
    return { kind: "waiting", on: "the Deployment to progress", suspicion, late: true };
  }
  const on = missing(snapshot);
  if (on === undefined) return { kind: "converged" };
  if (snapshot.paused) return { kind: "waiting", on: `${on}, but the Deployment is paused` };
  if (snapshot.replicaFailure === undefined) return { kind: "waiting", on };
  const reason = `ReplicaFailure: ${snapshot.replicaFailure}`;
  return { kind: "waiting", on, suspicion: { reason, kind: "failure" } };
}

/**
 * True of a rollout that does not get on by itself: its deadline has passed, or something keeps its pods from coming up.
 * @param trouble what keeps its pods from coming up, as far as they say
 */
export function isStuck(
  snapshot: DeploymentSnapshot,
  trouble: { kind: Suspicion["kind"] | "fatal" } | undefined,
): boolean {
  const verdict = judge(snapshot);
  if (verdict.kind === "failed") return verdict.stalled === true;
  if (verdict.kind !== "waiting" || snapshot.observedGeneration < snapshot.generation) return false;
  // A new pod finds no more room than the one before it.
  return [verdict.suspicion, trouble].some((why) => why !== undefined && why.kind !== "unschedulable");
}

/** The row's observed columns. `paused` is a sentinel that is meant to have no replicas. */
export function observe(snapshot: DeploymentSnapshot): {
  health: "paused" | "healthy" | "unhealthy";
  availableReplicas: number;
  /** Only once the rollout has converged: an image that did not come up is never reported as running. */
  runningImage?: string;
} {
  const health =
    snapshot.desiredReplicas === 0 ? "paused" : snapshot.availableReplicas > 0 ? "healthy" : "unhealthy";
  const observed = { health, availableReplicas: snapshot.availableReplicas } as const;
  if (judge(snapshot).kind !== "converged" || snapshot.image === undefined) return observed;
  return { ...observed, runningImage: snapshot.image };
}

function missing(s: DeploymentSnapshot): string | undefined {
  if (s.updatedReplicas < s.desiredReplicas) {
    return `${s.updatedReplicas} of ${plural(s.desiredReplicas, "replica")} to be updated`;
  }
  if (s.replicas > s.updatedReplicas) {
    return `${plural(s.replicas - s.updatedReplicas, "old replica")} to terminate`;
  }
  if (s.availableReplicas < s.updatedReplicas) {
    return `${s.availableReplicas} of ${plural(s.updatedReplicas, "updated replica")} to be available`;
  }
  return undefined;
}

function failed(reason: string): Verdict & { kind: "failed" } {
  return { kind: "failed", reason };
}
