import { setTimeout as sleep } from "node:timers/promises";
import type { V1Deployment } from "@kubernetes/client-node";
import type { DeploymentSnapshot } from "../domain/convergence.ts";
import { apiFailure, TransientKubernetesError, transient } from "./errors.ts";
import {
  changesResources,
  type DeploymentChange,
  fittedPatch,
  guessedPatch,
  type PatchOperation,
} from "./patch.ts";
import type { PodTrouble } from "./pods.ts";
import { refusalOf } from "./refusal.ts";
import { type PatchTerms, restarts } from "./restart.ts";
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
  /** Sends a JSON Patch. @throws ApiException for any status but 200 */
  send(k8sName: string, patch: PatchOperation[]): Promise<V1Deployment>;
  /** Undefined: it does not exist. @throws TransientKubernetesError */
  read(k8sName: string): Promise<V1Deployment | undefined>;
  /** @throws TransientKubernetesError */
  podTrouble(k8sName: string): Promise<PodTrouble | undefined>;
}

export type Patch = (k8sName: string, change: DeploymentChange, terms?: PatchTerms) => Promise<PatchOutcome>;

/** How often a patch is fitted anew to a Deployment that changes meanwhile, before the caller has to try again. */
const FITTINGS = 5;

/**
 * An API server that has just started denies what its roles allow, until it has read them: it is asked again, this long (ms)
 * after each denial, before that counts.
 */
const DENIALS_APART_MS = [1_000, 2_000];

/** Patches without reading first where that can be told from the answer, else fitted to what was read. */
export function createPatch({ namespace, containerName, send, read, podTrouble }: Requests): Patch {
  /** Place of the container where it is not the first. */
  const places = new Map<string, number>();

  return async function patch(k8sName, change, terms) {
    const from = terms?.from;
    // With the same image before and after, the answer does not tell whether anything has changed.
    let outcome =
      terms !== undefined && (from === undefined || from === change.image)
        ? undefined
        : await attempt(k8sName, guessedPatch(change, containerName, places.get(k8sName) ?? 0, { from }));
    for (let fitting = 0; outcome === undefined && fitting < FITTINGS; fitting++) {
      const current = await read(k8sName);
      if (current === undefined) return missing(k8sName);
      if (current.spec?.paused === true) {
        const words = `kubectl rollout resume deployment/${k8sName} -n ${namespace}`;
        return refused(`Deployment ${k8sName} is paused: nothing comes up before ${words}`);
      }
      const containers = current.spec?.template?.spec?.containers ?? [];
      const place = containers.findIndex((container) => container.name === containerName);
      if (place < 0) return refused(`Deployment ${k8sName} has no container named ${containerName}`);
      if (place === 0) places.delete(k8sName);
      else places.set(k8sName, place);
      outcome = await fitted(k8sName, change, terms, place, current);
    }
    if (outcome === undefined) {
      throw new TransientKubernetesError(`patching Deployment ${k8sName}: it keeps changing meanwhile`);
    }
    return outcome;
  };

  /** Undefined: the Deployment has changed since it was read. */
  async function fitted(
    k8sName: string,
    change: DeploymentChange,
    terms: PatchTerms | undefined,
    place: number,
    current: V1Deployment,
  ): Promise<PatchOutcome | undefined> {
    if (terms === undefined) return attempt(k8sName, fittedPatch(change, containerName, place, current));
    const from = current.spec?.template?.spec?.containers[place]?.image ?? "";
    const isThere = from === change.image || ((await terms.isRewritten?.(from)) ?? false);
    const restarting =
      isThere && (await restarts(current, change, terms, containerName, () => podTrouble(k8sName)));
    const restartedAt = restarting ? terms.restart?.at : undefined;
    const operations = fittedPatch(change, containerName, place, current, { from, restartedAt });
    const outcome = await attempt(k8sName, operations);
    if (outcome?.kind !== "patched" || restarting || outcome.snapshot.image !== from) return outcome;
    const same = outcome.snapshot.generation === current.metadata?.generation;
    return same || !changesResources(change) ? { ...outcome, unchanged: true } : outcome;
  }

  /** Undefined: the patch did not fit the Deployment as it is now. */
  async function attempt(
    k8sName: string,
    operations: PatchOperation[],
    denialsApartMs = DENIALS_APART_MS,
  ): Promise<PatchOutcome | undefined> {
    try {
      const snapshot = snapshotOf(await send(k8sName, operations), containerName);
      if (snapshot.deleting) return refused(`Deployment ${k8sName} is being deleted`);
      return { kind: "patched", snapshot };
    } catch (error) {
      const failure = apiFailure(error);
      if (failure?.code === 404 && failure.fromKubernetes) return missing(k8sName);
      const refusal = failure === undefined ? undefined : refusalOf(failure);
      if (refusal === undefined) throw transient(error, `patching Deployment ${k8sName}`);
      if (refusal.kind === "unfit") return undefined;
      const [pauseMs, ...left] = denialsApartMs;
      if (refusal.kind === "refused" || pauseMs === undefined) return refused(refusal.reason);
      await sleep(pauseMs);
      return attempt(k8sName, operations, left);
    }
  }

  function missing(k8sName: string): PatchOutcome {
    return refused(`Deployment ${k8sName} not found in namespace ${namespace}`);
  }
}

function refused(reason: string): PatchOutcome {
  return { kind: "refused", reason };
}
