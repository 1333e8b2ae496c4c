import { placesOf } from "./parts.ts";
import type { Entry, Part, Place } from "./state.ts";

/** What became of the sentinels of one part; what is last, and 0, is left out. */
export type Tally = [
  size: number,
  succeeded: number,
  failed: number,
  skipped: number,
  reverted: number,
  /** Succeeded, and not a rollback's to revert any more. */
  stay?: number,
  /** Waiting, and deployed by an earlier rollout of the image. */
  earlier?: number,
  /** Waiting, and failed in an earlier rollout of the image. */
  failedEarlier?: number,
  /** Failed or skipped, and deployed by an earlier rollout of the image; of them the skipped, and those that stay. */
  leftOver?: number,
  leftOverSkipped?: number,
  leftOverStays?: number,
  /** Reverted, after this one had deployed it again in vain. */
  leftOverReverted?: number,
  /** Failed, for their cluster did not answer. */
  away?: number,
  /** Failed, and a retry of it has no result. */
  retried?: number,
  /** Failed, and no rollback's to return any more. */
  stayFailed?: number,
  /** Broke after they came up; of them those that have recovered, and those found in the newest round; and which that is. */
  regressed?: number,
  recovered?: number,
  regressedLately?: number,
  round?: number,
];
export type Tallies = Record<Place, Tally>;

/** Counted anew from the part itself, so that a change that was cut short counts nothing twice. */
export function tallyOf(part: Part): Tally {
  const entries = Object.values(part);
  const how = (...words: Entry["is"][]) => entries.filter(({ is }) => words.includes(is));
  const [waiting, succeeded, reverted] = [how("waiting"), how("succeeded"), how("reverted")];
  const leftOver = entries.filter(isLeftOver);
  const all = [
    entries.length,
    succeeded.length + reverted.length,
    how("failed").length,
    how("skipped").length,
    reverted.length,
    succeeded.filter(stays).length,
    waiting.filter(({ earlier }) => earlier).length,
    waiting.filter(({ failedEarlier }) => failedEarlier).length,
    leftOver.length,
    leftOver.filter(({ is }) => is === "skipped").length,
    leftOver.filter(stays).length,
    reverted.filter(({ earlier }) => earlier).length,
    entries.filter(({ is, away }) => is === "failed" && away).length,
    entries.filter(isRetried).length,
    entries.filter((entry) => entry.is === "failed" && stays(entry) && !isLeftOver(entry)).length,
    ...regressedIn(entries),
  ];
  return all.slice(0, Math.max(ALWAYS, all.findLastIndex((n) => n > 0) + 1)) as Tally;
}

function regressedIn(entries: readonly Entry[]): [number, number, number, number] {
  const all = entries.flatMap(({ regressed }) => regressed ?? []);
  const round = Math.max(0, ...all.map((each) => each.round));
  const lately = all.filter((each) => each.round === round);
  return [all.length, all.filter(({ recovered }) => recovered).length, lately.length, round];
}

/** The first this many numbers of a tally are stored even if they are 0. */
const ALWAYS = 5;

function stays({ stays: why }: Entry): boolean {
  return why !== undefined;
}

/**
 * An earlier rollout of the image deployed it, and it did not come up when this one deployed it again: it has taken the image, and
 * is still to be reverted.
 */
export function isLeftOver({ is, earlier }: Entry): boolean {
  return earlier === true && (is === "failed" || is === "skipped");
}

/** A retry of it was launched and has no result: its row tells whether it came up. */
export function isRetried({ is, retry }: Entry): boolean {
  return is === "failed" && retry !== undefined;
}

/** Those with sentinels that failed, also in an earlier rollout of the image. */
export function placesOfFailed(tallies: Tallies): Place[] {
  return placesOf(tallies).filter((at) => (tallies[at]?.[2] ?? 0) + (tallies[at]?.[7] ?? 0) > 0);
}
