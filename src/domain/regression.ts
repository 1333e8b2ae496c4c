import { plural } from "./progress.ts";

/**
 * Is a sentinel that came up with an image still well? One pure judgement of what its Deployment, its pods and its row say, so
 * that every replica of the service, a rehearsal and a test come to the same answer.
 */

/** What counts of the Deployment. */
export interface Standing {
  /** Image of the sentinel's container in the pod template; undefined when there is no such container. */
  image?: string;
  desiredReplicas: number;
  availableReplicas: number;
  generation: number;
  observedGeneration: number;
  deleting: boolean;
  paused?: true;
  /**
   * When its rolling update was complete (unix seconds), which is when it came up with its image: Kubernetes keeps that in
   * the condition Progressing, whatever becomes of the pods later. 0: it is being rolled, or does not come up.
   */
  completeSeconds: number;
  /** Since when it has had fewer available replicas than desired (unix ms); undefined: it has all of them. */
  unavailableMs?: number;
}

/** What its pods with that image say of themselves, together. */
export interface PodsStanding {
  /** How often their containers were restarted since it came up. */
  restarts: number;
  /** The latest termination after it came up, in the words of Kubernetes: "OOMKilled, exit code 137". */
  lastTermination?: string;
  /** When that was (unix ms). */
  terminatedMs?: number;
  /** Present where a container is in CrashLoopBackOff now: "CrashLoopBackOff: exit code 137, OOMKilled". */
  crashLoop?: string;
  /** Why one of them does not come up, as far as it says. */
  trouble?: string;
}

/** What its row says, as far as it is known. */
export interface RowStanding {
  desiredState: string;
  desiredReplicas: number;
  deployStatus?: string;
}

export interface Examined {
  /** What the rollout deployed, and what admission makes of it. */
  images: readonly string[];
  /** Its cluster answers, and what is known of it is up to date. */
  isSeen: boolean;
  /** Undefined: there is none. */
  deployment: Standing | undefined;
  /** Undefined: nothing is wrong with any pod. */
  pods: PodsStanding | undefined;
  /** Undefined: there is none that runs. */
  row: RowStanding | undefined;
  nowMs: number;
  /** How long (ms) it may be without its replicas: REGRESSION_SECONDS. */
  debounceMs: number;
}

export type Judgement =
  | { kind: "healthy" }
  /** It says nothing about the image: the sentinel is being changed, or cannot be seen. */
  | { kind: "not judged"; why: string }
  /** `regressed`: for good enough; otherwise it may be a passing trouble, and is regressed at `sinceMs` and the debounce. */
  | { kind: "ailing"; sinceMs: number; why: string; regressed: boolean };

/** This many restarts since it came up are a regression, until its pods are replaced. It may be available in between. */
export const MOST_RESTARTS = 3;

/** Judges one sentinel at `nowMs`. */
export function examine(examined: Examined): Judgement {
  const why = notJudged(examined);
  if (why !== undefined) return { kind: "not judged", why };
  const { deployment, pods, nowMs, debounceMs } = examined;
  const { unavailableMs, desiredReplicas, availableReplicas } = deployment as Standing;
  const sinceMs = unavailableMs ?? pods?.terminatedMs ?? nowMs;
  if (pods?.crashLoop !== undefined) {
    return { kind: "ailing", sinceMs, why: pods.crashLoop, regressed: true };
  }
  if (pods !== undefined && pods.restarts >= MOST_RESTARTS) {
    const died = pods.lastTermination === undefined ? "" : `: ${pods.lastTermination}`;
    const restarted = `restarted ${plural(pods.restarts, "time")} since it came up${died}`;
    return { kind: "ailing", sinceMs, why: restarted, regressed: true };
  }
  if (unavailableMs === undefined) return { kind: "healthy" };
  const trouble = pods?.trouble === undefined ? "" : `: ${pods.trouble}`;
  return {
    kind: "ailing",
    sinceMs,
    why: `${availableReplicas} of ${plural(desiredReplicas, "replica")} available${trouble}`,
    regressed: nowMs - unavailableMs >= debounceMs,
  };
}

function notJudged({ images, isSeen, deployment, row }: Examined): string | undefined {
  if (!isSeen) return "its cluster does not answer, or is not listed";
  if (row === undefined) return "it has no row that runs";
  if (row.desiredState !== "running") return `it is ${row.desiredState}`;
  if (deployment === undefined) return "it has no Deployment";
  const under = underWay(deployment, row.deployStatus);
  if (under !== undefined) return under;
  if (deployment.image === undefined || !images.includes(deployment.image)) return "it has another image";
  return deployment.desiredReplicas === row.desiredReplicas ? undefined : "others have scaled it";
}

/** What is being done to the sentinel, so that its state says nothing; undefined: nothing is. */
export function underWay(deployment: Standing, deployStatus?: string): string | undefined {
  if (deployment.deleting) return "it is being deleted";
  if (deployment.paused) return "its Deployment is paused";
  if (deployStatus === "progressing") return "a Deploy of it is under way";
  const { generation, observedGeneration, completeSeconds } = deployment;
  return observedGeneration < generation || completeSeconds === 0 ? "it is being rolled" : undefined;
}
