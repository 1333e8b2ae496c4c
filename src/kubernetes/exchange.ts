import {
  admitted,
  attempt,
  type PatchOutcome,
  paused,
  type Requests,
  refused,
  whileWanted,
} from "./attempt.ts";
import { TransientKubernetesError } from "./errors.ts";
import { type DeploymentChange, fittedPatch, guessedPatch } from "./patch.ts";
import { snapshotOf } from "./snapshot.ts";

/** What became of a change that is made to one image only. */
export type ExchangeOutcome =
  | PatchOutcome
  /** Nothing was changed: it has another image. */
  | { kind: "moved"; image: string }
  /** Nothing was changed: there is no such Deployment, or it is being deleted. */
  | { kind: "gone" };

/**
 * @param from the image that is exchanged for the one of the change
 * @param signal once it is aborted, nothing is sent any more
 */
export type Exchange = (
  k8sName: string,
  change: DeploymentChange,
  from: string,
  isRewritten: (asked: string, image: string) => Promise<boolean>,
  signal?: AbortSignal,
) => Promise<ExchangeOutcome>;

/** How often the patch is fitted anew to a Deployment that changes meanwhile, before the caller has to try again. */
const FITTINGS = 5;

/**
 * Changes the image only where it is `from`, or what admission makes of that: the API server itself tests it, in the moment of
 * the change. A Deployment that has the new image already is as it should be.
 */
export function createExchange(all: Requests): Exchange {
  const { containerName, read } = all;

  return async function exchange(k8sName, change, from, isRewritten, signal) {
    const requests = whileWanted(all, signal);
    let outcome =
      from === change.image
        ? undefined
        : await attempt(requests, k8sName, guessedPatch(change, containerName, 0, { from }));
    for (let fitting = 0; outcome === undefined && fitting < FITTINGS; fitting++) {
      const current = await read(k8sName);
      if (current === undefined || current.metadata?.deletionTimestamp != null) return { kind: "gone" };
      const containers = current.spec?.template?.spec?.containers ?? [];
      const place = containers.findIndex(({ name }) => name === containerName);
      if (place < 0) return refused(`Deployment ${k8sName} has no container named ${containerName}`);
      const snapshot = snapshotOf(current, containerName);
      const { image = "" } = snapshot;
      const is = async (asked: string, otherwise: () => Promise<boolean> = async () => false) =>
        image === asked || (await isRewritten(asked, image)) || (await otherwise());
      // A Deploy whose image admission rewrote to this one may have been killed before it noted that. So admission is asked.
      const comesOf = (asked: string) => async () => {
        const tried = fittedPatch({ ...change, image: asked }, containerName, place, current, {
          from: image,
        });
        return (await admitted(requests, k8sName, tried)) === image;
      };
      const isFrom = await is(from);
      if (!isFrom && (await is(change.image, comesOf(change.image)))) return { kind: "patched", snapshot };
      if (!isFrom && !(await comesOf(from)())) return { kind: "moved", image };
      if (snapshot.paused) return paused(requests, k8sName);
      outcome = await attempt(
        requests,
        k8sName,
        fittedPatch(change, containerName, place, current, { from: image }),
      );
    }
    if (outcome === undefined) {
      throw new TransientKubernetesError(`patching Deployment ${k8sName} back: it keeps changing meanwhile`);
    }
    if (outcome.kind !== "refused") return outcome;
    const current = await read(k8sName);
    return current === undefined || current.metadata?.deletionTimestamp != null ? { kind: "gone" } : outcome;
  };
}
