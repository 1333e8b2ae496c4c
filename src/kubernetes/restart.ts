import type { V1Deployment } from "@kubernetes/client-node";
import { isStuck } from "../domain/convergence.ts";
import { CHANGE_CAUSE, type DeploymentChange, RESTARTED_AT } from "./patch.ts";
import type { PodTrouble } from "./pods.ts";
import { snapshotOf } from "./snapshot.ts";

/** What a patch may go by, and may do, beyond its change. */
export interface PatchTerms {
  /** Image that the Deployment is believed to have. Where it has another one, or this is not given, it is read first. */
  from?: string;
  /** Is this what admission makes of the image that is asked for? */
  isRewritten?(image: string): Promise<boolean>;
  /** Allows a fresh ReplicaSet where the image is there already and does not come up; absent: never. */
  restart?: Restart;
}

export interface Restart {
  /** The same for every try: what has this value already was restarted by an earlier one. */
  at: string;
  /** True: it was found stuck before the first try, so what it is now is no work of an earlier one. */
  found: boolean;
}

/**
 * Does a patch that finds its image there already give the Deployment a fresh ReplicaSet? Not what came up meanwhile, nor
 * what an earlier try of this very patch has brought about.
 */
export async function restarts(
  current: V1Deployment,
  { changeCause }: DeploymentChange,
  { restart }: PatchTerms,
  containerName: string,
  podTrouble: () => Promise<PodTrouble | undefined>,
): Promise<boolean> {
  if (restart === undefined) return false;
  const { metadata, spec } = current;
  if (spec?.template.metadata?.annotations?.[RESTARTED_AT] === restart.at) return true;
  const snapshot = snapshotOf(current, containerName);
  if (!restart.found && metadata?.annotations?.[CHANGE_CAUSE] === changeCause) return false;
  return isStuck(snapshot, await podTrouble());
}
