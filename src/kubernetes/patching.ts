import type { V1Deployment } from "@kubernetes/client-node";
import {
  attempt,
  missing,
  type PatchOutcome,
  paused,
  type Requests,
  refused,
  whileWanted,
} from "./attempt.ts";
import { TransientKubernetesError } from "./errors.ts";
import { changesResources, type DeploymentChange, fittedPatch, guessedPatch } from "./patch.ts";
import { type PatchTerms, restarts } from "./restart.ts";

/** @param signal once it is aborted, nothing is sent any more */
export type Patch = (
  k8sName: string,
  change: DeploymentChange,
  terms?: PatchTerms,
  signal?: AbortSignal,
) => Promise<PatchOutcome>;

/** How often a patch is fitted anew to a Deployment that changes meanwhile, before the caller has to try again. */
const FITTINGS = 5;

/** Patches without reading first where that can be told from the answer, else fitted to what was read. */
export function createPatch(all: Requests): Patch {
  const { containerName, read, podTrouble } = all;
  /** Place of the container where it is not the first. */
  const places = new Map<string, number>();

  return async function patch(k8sName, change, terms, signal) {
    const requests = whileWanted(all, signal);
    const from = terms?.from;
    // With the same image before and after, the answer does not tell whether anything has changed.
    let outcome =
      terms !== undefined && (from === undefined || from === change.image)
        ? undefined
        : await attempt(
            requests,
            k8sName,
            guessedPatch(change, containerName, places.get(k8sName) ?? 0, { from }),
          );
    for (let fitting = 0; outcome === undefined && fitting < FITTINGS; fitting++) {
      const current = await read(k8sName);
      if (current === undefined) return missing(requests, k8sName);
      if (current.spec?.paused === true) return paused(requests, k8sName);
      const containers = current.spec?.template?.spec?.containers ?? [];
      const place = containers.findIndex((container) => container.name === containerName);
      if (place < 0) return refused(`Deployment ${k8sName} has no container named ${containerName}`);
      if (place === 0) places.delete(k8sName);
      else places.set(k8sName, place);
      outcome = await fitted(requests, k8sName, change, terms, place, current);
    }
    if (outcome === undefined) {
      throw new TransientKubernetesError(`patching Deployment ${k8sName}: it keeps changing meanwhile`);
    }
    return outcome;
  };

  /** Undefined: the Deployment has changed since it was read. */
  async function fitted(
    requests: Requests,
    k8sName: string,
    change: DeploymentChange,
    terms: PatchTerms | undefined,
    place: number,
    current: V1Deployment,
  ): Promise<PatchOutcome | undefined> {
    if (terms === undefined)
      return attempt(requests, k8sName, fittedPatch(change, containerName, place, current));
    const from = current.spec?.template?.spec?.containers[place]?.image ?? "";
    const isThere = from === change.image || ((await terms.isRewritten?.(from)) ?? false);
    const restarting =
      isThere && (await restarts(current, change, terms, containerName, () => podTrouble(k8sName)));
    const restartedAt = restarting ? terms.restart?.at : undefined;
    const operations = fittedPatch(change, containerName, place, current, { from, restartedAt });
    const outcome = await attempt(requests, k8sName, operations);
    if (outcome?.kind !== "patched" || restarting || outcome.snapshot.image !== from) return outcome;
    const same = outcome.snapshot.generation === current.metadata?.generation;
    return same || !changesResources(change) ? { ...outcome, unchanged: true } : outcome;
  }
}
