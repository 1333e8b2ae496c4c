/** A running sentinel as its row describes it; the fields decide whether a rollout touches it. */
export interface Candidate {
  id: string;
  image: string;
  /** The image last seen converged; empty when nothing was observed yet. */
  runningImage: string;
  deployStatus: "idle" | "progressing" | "ready" | "failed";
  health: "unknown" | "paused" | "healthy" | "unhealthy";
  desiredReplicas: number;
}

/** What a rollout of an image would do to the fleet. */
export interface Selection {
  ids: string[];
  /** The image that was really running before: never one that did not come up. */
  previousImages: Record<string, string>;
  /** Sentinels that already serve the image. */
  leftOut: number;
}

export function select(candidates: readonly Candidate[], image: string): Selection {
  const chosen = candidates.filter((candidate) => !serves(candidate, image));
  return {
    ids: chosen.map((candidate) => candidate.id),
    previousImages: Object.fromEntries(chosen.map((c) => [c.id, c.runningImage || c.image])),
    leftOut: candidates.length - chosen.length,
  };
}

/** Serving is more than being told to: the image came up, the last deploy did not fail, and it is healthy. */
export function serves(candidate: Candidate, image: string): boolean {
  return (
    candidate.image === image &&
    candidate.runningImage === image &&
    candidate.deployStatus !== "failed" &&
    candidate.deployStatus !== "progressing" &&
    (candidate.health === "healthy" || candidate.desiredReplicas === 0)
  );
}
