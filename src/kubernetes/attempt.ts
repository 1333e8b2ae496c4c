import { setTimeout as sleep } from "node:timers/promises";
import type { V1Deployment } from "@kubernetes/client-node";
import type { DeploymentSnapshot } from "../domain/convergence.ts";
import { apiFailure, transient } from "./errors.ts";
import type { PatchOperation } from "./patch.ts";
import type { PodTrouble } from "./pods.ts";
import { refusalOf } from "./refusal.ts";
import { snapshotOf } from "./snapshot.ts";

/**
 * `refused` is definite: the Deployment is missing, paused or being deleted, has no such container, or Kubernetes does not
 * take the change.
 */
export type PatchOutcome =
  /** The snapshot's image is what admission made of the one asked for. `unchanged`: the pod template was like that before. */
  { kind: "patched"; snapshot: DeploymentSnapshot; unchanged?: true } | { kind: "refused"; reason: string };

/** The Deployments of one namespace, as requests see them. */
export interface Requests {
  namespace: string;
  containerName: string;
  /**
   * Sends a JSON Patch.
   * @param tries changes nothing: the answer is what would come of it
   * @param signal once it is aborted, nothing is sent any more
   * @throws ApiException for any status but 200
   */
  send(
    k8sName: string,
    patch: PatchOperation[],
    tries?: "tries",
    signal?: AbortSignal,
  ): Promise<V1Deployment>;
  /** Undefined: it does not exist. @throws TransientKubernetesError */
  read(k8sName: string): Promise<V1Deployment | undefined>;
  /** @throws TransientKubernetesError */
  podTrouble(k8sName: string): Promise<PodTrouble | undefined>;
}

/** The same requests, given up once `signal` aborts. */
export function whileWanted(requests: Requests, signal: AbortSignal | undefined): Requests {
  if (signal === undefined) return requests;
  return { ...requests, send: (k8sName, patch, tries) => requests.send(k8sName, patch, tries, signal) };
}

/**
 * An API server that has just started denies what its roles allow, until it has read them: it is asked again, this long (ms)
 * after each denial, before that counts.
 */
const DENIALS_APART_MS = [1_000, 2_000];

/** Undefined: the patch did not fit the Deployment as it is now. */
export async function attempt(
  requests: Requests,
  k8sName: string,
  operations: PatchOperation[],
  denialsApartMs = DENIALS_APART_MS,
): Promise<PatchOutcome | undefined> {
  try {
    const snapshot = snapshotOf(await requests.send(k8sName, operations), requests.containerName);
    if (snapshot.deleting) return refused(`Deployment ${k8sName} is being deleted`);
    return { kind: "patched", snapshot };
  } catch (error) {
    const failure = apiFailure(error);
    if (failure?.code === 404 && failure.fromKubernetes) return missing(requests, k8sName);
    const refusal = failure === undefined ? undefined : refusalOf(failure);
    if (refusal === undefined) throw transient(error, `patching Deployment ${k8sName}`);
    if (refusal.kind === "unfit") return undefined;
    const [pauseMs, ...left] = denialsApartMs;
    if (refusal.kind === "refused" || pauseMs === undefined) return refused(refusal.reason);
    await sleep(pauseMs);
    return attempt(requests, k8sName, operations, left);
  }
}

/** What admission would make of an image now; undefined: that cannot be told. @throws TransientKubernetesError */
export async function admitted(
  { send, containerName }: Requests,
  k8sName: string,
  operations: PatchOperation[],
): Promise<string | undefined> {
  try {
    return snapshotOf(await send(k8sName, operations, "tries"), containerName).image;
  } catch (error) {
    const failure = apiFailure(error);
    if (failure !== undefined && refusalOf(failure) !== undefined) return undefined;
    throw transient(error, `asking what admission makes of the image of Deployment ${k8sName}`);
  }
}

export function missing({ namespace }: Requests, k8sName: string): PatchOutcome {
  return refused(`Deployment ${k8sName} not found in namespace ${namespace}`);
}

export function paused({ namespace }: Requests, k8sName: string): PatchOutcome {
  const words = `kubectl rollout resume deployment/${k8sName} -n ${namespace}`;
  return refused(`Deployment ${k8sName} is paused: nothing comes up before ${words}`);
}

export function refused(reason: string): PatchOutcome {
  return { kind: "refused", reason };
}
