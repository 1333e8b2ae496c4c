import { setTimeout as sleep } from "node:timers/promises";
import {
  type DeploymentSnapshot,
  type Expectation,
  isStuck,
  judge,
  observe,
  type Verdict,
} from "../domain/convergence.ts";
import type { Cluster, DeploymentChange, PatchTerms } from "../kubernetes/cluster.ts";
import type { Clusters } from "../kubernetes/clusters.ts";
import { TransientKubernetesError } from "../kubernetes/errors.ts";
import type { Observation, SentinelRow } from "../mysql/row.ts";
import { kubernetes } from "./deadline.ts";
import type { Hints } from "./hints.ts";
import { carries } from "./plan.ts";

/** One look at a Deployment, as the journal keeps it. */
export interface Look {
  verdict: Verdict;
  /** Absent when there is no Deployment. */
  observed?: Observation;
  atMs: number;
  /** When (unix ms) the row was told that it has converged; absent: it was not. */
  writtenMs?: number;
}

/** One Deployment of one cluster. */
export interface Target {
  sentinelId: string;
  k8sName: string;
  /**
   * For use within a step alone: which clusters there are is up to the process.
   * @throws TransientKubernetesError where it is configured no more
   */
  cluster(): Cluster;
}

/** @param name as the Deploy found it when it began */
export function targetOf(
  { id: sentinelId, k8sName, regionId }: Pick<SentinelRow, "id" | "k8sName" | "regionId">,
  name: string,
  clusters: Pick<Clusters, "all">,
): Target {
  const cluster = () => {
    const found = clusters.all.find((each) => each.name === name);
    if (found !== undefined) return found;
    throw new TransientKubernetesError(
      `the cluster ${name} of the region ${regionId} is not configured any more (see KUBE_CONTEXTS)`,
    );
  };
  return { sentinelId, k8sName, cluster };
}

export async function lookAt(target: Target, expected: Expectation): Promise<Look> {
  return judged(target, await kubernetes(() => target.cluster().read(target.k8sName)), expected);
}

/** What a Deployment was before anything was done to it. */
export interface Before {
  /** Present only when it has all the values and has converged on them. */
  observed?: Observation;
  /** What it runs, where admission has made that of the image asked for. */
  rewritten?: string;
  /** It has the image and does not come up with it. */
  stuck?: true;
}

/** Does the Deployment serve what is asked for, or does it try to in vain? */
export async function serving(
  target: Target,
  change: DeploymentChange,
  isRewritten: (image: string) => Promise<boolean>,
): Promise<Before> {
  const { cluster, k8sName } = target;
  const snapshot = await readWhenSeen(target, change.image);
  if (snapshot?.image === undefined) return {};
  const { image } = snapshot;
  if (image !== change.image && !(await isRewritten(image))) return {};
  const rewritten = image === change.image ? {} : { rewritten: image };
  const asked = { ...change, image };
  if (carries(snapshot, asked) && judge(snapshot).kind === "converged") {
    return { observed: observe(snapshot), ...rewritten };
  }
  const troubled = judge(snapshot).kind === "waiting";
  const trouble = troubled ? await kubernetes(() => cluster().podTrouble(k8sName)) : undefined;
  return { ...rewritten, ...(isStuck(snapshot, trouble) ? { stuck: true as const } : {}) };
}

/** The controller is about to look at the Deployment. It is read at most READS times, READS_APART_MS (ms) apart. */
const READS = 5;
const READS_APART_MS = 200;

/**
 * Reads the Deployment. If it was changed just now, waits until its controller has seen the change, because until then its
 * status describes the old spec.
 */
async function readWhenSeen(
  { cluster, k8sName }: Target,
  image: string,
): Promise<DeploymentSnapshot | undefined> {
  for (let reads = 1; ; reads++) {
    const snapshot = await kubernetes(() => cluster().read(k8sName));
    const isSeen = snapshot === undefined || snapshot.observedGeneration >= snapshot.generation;
    if (isSeen || snapshot.image !== image || reads === READS) return snapshot;
    await sleep(READS_APART_MS);
  }
}

/** What became of a patch, and the Deployment as it was then: no look where that could not be found out. */
export type Patched =
  | { refused: string }
  | {
      /** What is to come up. */
      expected: Expectation;
      atMs: number;
      look?: Look;
    };

/**
 * The API server's answer to the patch is the first look, and tells what admission made of the image. What this process'
 * watch sees in the moment after it is worth another one: many a change (no replicas, nothing to change) is done at
 * once. A look that fails must not fail this step, which would patch again and undo what somebody may have changed meanwhile: it is
 * for a step of its own.
 */
export async function patchAndLook(
  target: Target,
  change: DeploymentChange,
  hints: Hints,
  terms: PatchTerms | undefined,
  signal: AbortSignal,
): Promise<Patched> {
  const listening = hints.expect(target.sentinelId);
  try {
    const outcome = await kubernetes(() => target.cluster().patch(target.k8sName, change, terms, signal));
    if (outcome.kind === "refused") return { refused: outcome.reason };
    const { generation, uid, image = change.image } = outcome.snapshot;
    const expected: Expectation = {
      image,
      generation,
      uid,
      ...(outcome.unchanged === true ? { unchanged: true } : {}),
    };
    const patched = { expected, atMs: Date.now() };
    try {
      let look = await judged(target, outcome.snapshot, expected);
      while (look.verdict.kind === "waiting" && (await listening.next()))
        look = await lookAt(target, expected);
      if (look.verdict.kind === "converged") listening.saw({ uid, generation });
      return { ...patched, look };
    } catch {
      return patched;
    }
  } finally {
    listening.end();
  }
}

export async function judged(
  target: Target,
  snapshot: DeploymentSnapshot | undefined,
  expected: Expectation,
): Promise<Look> {
  const verdict = await withPods(target, judge(snapshot, expected), snapshot?.updatedReplicas ?? 0);
  return { verdict, ...(snapshot === undefined ? {} : { observed: observe(snapshot) }), atMs: Date.now() };
}

/** Pods that can never come up fail a Deploy that still waits for them; others may heal. */
async function withPods(
  { cluster, k8sName }: Target,
  verdict: Verdict,
  updatedReplicas: number,
): Promise<Verdict> {
  // Without a pod of the new template, the pods in trouble belong to the old one.
  if (verdict.kind !== "waiting" || updatedReplicas === 0 || !cluster().inTrouble(k8sName)) return verdict;
  const trouble = await kubernetes(() => cluster().podTrouble(k8sName));
  if (trouble === undefined) return verdict;
  const { reason, kind } = trouble;
  return kind === "fatal" ? { kind: "failed", reason } : { ...verdict, suspicion: { reason, kind } };
}
