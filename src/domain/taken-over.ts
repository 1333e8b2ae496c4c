import { waveOf } from "./parts.ts";
import { plural } from "./progress.ts";
import type { Part, Place, RolloutState } from "./state.ts";
import { TAKEN_OVER_KEY } from "./state-keys.ts";
import type { Tallies } from "./tally.ts";
import type { Turn } from "./turn.ts";

// A rollout of the image of a cancelled one goes on where that ended. Sentinels that took the image stay on it, and
// what they ran before is kept in parts of its own, as wave 0, so that RollbackAll returns all of them. Such a part is copied
// once out of the waves, and then handed on from rollout to rollout. A sentinel that is deployed again has its entry only in a
// wave of the new rollout.

/** One change copies or searches at most this many parts, so that no change grows with the fleet. */
export const PARTS_IN_A_CHANGE = 8;

interface Index {
  /** The rollout that these parts belong to. */
  rolloutId: string;
  /** The ids of the first and the last sentinel of each part. */
  ranges: Record<Place, [first: string, last: string]>;
  /** Parts of that rollout's waves that are copied for the next one: where to, and what they counted then. */
  copied: Record<Place, [to: Place, tally: string]>;
  /** Parts of the new waves that are not whole yet: the last of ours that was looked through. */
  merging: Record<Place, number>;
}

export interface TakenOver {
  index: Index;
  tallies: Tallies;
  /** Those that are new or changed. */
  parts: Map<Place, Part>;
  /** Of these the new ones, as they were copied. */
  copies: ReadonlyMap<Place, Part>;
}

export function takesOver(rollout: RolloutState | undefined, image: string): rollout is RolloutState {
  return rollout?.state === "cancelled" && rollout.image === image;
}

/** How many of them RollbackAll would revert. */
export function earlierLeft({ takenOver }: Pick<RolloutState, "takenOver">): number {
  return takenOver === undefined ? 0 : leftIn(takenOver);
}

function leftIn({ size, reverted, stay = 0, leftOver = 0 }: NonNullable<RolloutState["takenOver"]>): number {
  return size - reverted - stay + leftOver;
}

/** What is to be said of it; empty where there is nothing. */
export function takenOverNote(rollout: Pick<RolloutState, "takenOver">): string {
  const left = earlierLeft(rollout);
  return left === 0
    ? ""
    : ` RollbackAll will also revert ${plural(left, "sentinel")} that an earlier rollout of this image deployed.`;
}

export function isTakenOver(at: Place): boolean {
  return waveOf(at) < 0;
}

export function indexOf({ book, rollout }: Turn): Index | undefined {
  const index = book.get<Index>(TAKEN_OVER_KEY);
  return index?.rolloutId === rollout?.rolloutId ? index : undefined;
}

export function emptyIndex(rolloutId: string): Index {
  return { rolloutId, ranges: {}, copied: {}, merging: {} };
}

export function numberOf(at: Place): number {
  return Number(at.slice(at.indexOf("/") + 1));
}
