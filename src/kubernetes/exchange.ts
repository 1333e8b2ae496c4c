import { attempt, type PatchOutcome, paused, type Requests, refused } from "./attempt.ts";
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

/** @param from the image that is exchanged for the one of the change */
export type Exchange = (
  k8sName: string,
  change: DeploymentChange,
  from: string,
  isRewritten: (asked: string, image: string) => Promise<boolean>,
) => Promise<ExchangeOutcome>;

/** How often the patch is fitted anew to a Deployment that changes meanwhile, before the caller has to try again. */
const FITTINGS = 5;

/**
 * Changes the image only where it is `from`, or what admission makes of that: the API server itself tests it, in the moment of
 * the change. A Deployment that has the new image already is as it should be.
 */
export function createExchange(requests: Requests): Exchange {
  const { containerName, read } = requests;

  return async function exchange(k8sName, change, from, isRewritten) {
    const is = async (asked: string, image: string) => image === asked || (await isRewritten(asked, image));
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
      if (await is(change.image, image)) return { kind: "patched", snapshot };
      if (!(await is(from, image))) return { kind: "moved", image };
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
