import type { V1Deployment } from "@kubernetes/client-node";
import type { DeploymentSnapshot } from "../domain/convergence.ts";
import type { PatchOutcome } from "./cluster.ts";
import { TransientKubernetesError } from "./errors.ts";
import { type DeploymentChange, fittedPatch, guessedPatch, type PatchOperation } from "./patch.ts";
import { snapshotOf } from "./snapshot.ts";

/** What became of a change that is made to one image only. */
export type ExchangeOutcome =
  | PatchOutcome
  /** Nothing was changed: it has another image. */
  | { kind: "moved"; image: string }
  /** Nothing was changed: there is no such Deployment, or it is being deleted. */
  | { kind: "gone" };

/** One Deployment, as the cluster reaches it. */
export interface Reach {
  containerName: string;
  /** Where the container was last found. */
  place: number;
  read(): Promise<V1Deployment | undefined>;
  /** Undefined: the patch did not fit the Deployment as it is now. */
  send(patch: PatchOperation[]): Promise<PatchOutcome | undefined>;
}

/** How often the patch is fitted anew to a Deployment that changes meanwhile, before the caller has to try again. */
const FITTINGS = 5;

/**
 * Changes the image only where it is `from`: the API server itself tests that, in the moment of the change. A Deployment that
 * has the new image already is as it should be.
 */
export async function exchange(
  change: DeploymentChange,
  from: string,
  { containerName, read, send, ...reach }: Reach,
): Promise<ExchangeOutcome> {
  const guess = [imageIs(from, reach.place), ...guessedPatch(change, containerName, reach.place)];
  let outcome = from === change.image ? undefined : await send(guess);
  for (let fitting = 0; outcome === undefined && fitting < FITTINGS; fitting++) {
    const current = await read();
    if (current === undefined || current.metadata?.deletionTimestamp != null) return { kind: "gone" };
    const containers = current.spec?.template?.spec?.containers ?? [];
    const place = containers.findIndex(({ name }) => name === containerName);
    if (place < 0) return { kind: "refused", reason: `it has no container named ${containerName}` };
    const snapshot: DeploymentSnapshot = snapshotOf(current, containerName);
    const { image = "" } = snapshot;
    if (image === change.image) return { kind: "patched", snapshot };
    if (image !== from) return { kind: "moved", image };
    outcome = await send([imageIs(from, place), ...fittedPatch(change, containerName, place, current)]);
  }
  if (outcome === undefined)
    throw new TransientKubernetesError("reverting a Deployment: it keeps changing meanwhile");
  if (outcome.kind !== "refused") return outcome;
  const current = await read();
  return current === undefined || current.metadata?.deletionTimestamp != null ? { kind: "gone" } : outcome;
}

function imageIs(image: string, place: number): PatchOperation {
  return { op: "test", path: `/spec/template/spec/containers/${place}/image`, value: image };
}
