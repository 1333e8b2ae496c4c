/** A running sentinel as its row describes it; the fields decide whether a rollout touches it. */
export interface Candidate {
  id: string;
  image: string;
  /** The image last seen converged; empty when nothing was observed yet. */
  runningImage: string;
  /** True: what runs is what a cluster's admission has made of `image`. */
  rewritten: boolean;
  deployStatus: "idle" | "progressing" | "ready" | "failed";
  health: "unknown" | "paused" | "healthy" | "unhealthy";
  desiredReplicas: number;
}

/** Serving is more than being told to: the image came up, the last deploy did not fail, and it is healthy. */
export function serves(candidate: Candidate, image: string): boolean {
  return (
    candidate.image === image &&
    (candidate.runningImage === image || candidate.rewritten) &&
    candidate.deployStatus !== "failed" &&
    candidate.deployStatus !== "progressing" &&
    (candidate.health === "healthy" || candidate.desiredReplicas === 0)
  );
}
