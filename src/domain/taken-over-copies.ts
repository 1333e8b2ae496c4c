import type { Write } from "./book.ts";
import { placesOf, waveOf } from "./parts.ts";
import type { Entry, Part, Place } from "./state.ts";
import { partKey, TAKEN_OVER_KEY } from "./state-keys.ts";
import {
  emptyIndex,
  indexOf,
  isTakenOver,
  numberOf,
  PARTS_IN_A_CHANGE,
  type TakenOver,
} from "./taken-over.ts";
import { isLeftOver, isRetried, type Tallies, type Tally, tallyOf } from "./tally.ts";
import type { Turn } from "./turn.ts";

/**
 * Copies the sentinels that took the image, or may have, out of the waves of the present rollout.
 * @param most parts to copy now
 * @returns how many are left
 */
export function copyOver(turn: Turn, most = Number.POSITIVE_INFINITY): TakenOver & { left: number } {
  const { rollout } = turn.driving();
  const all = turn.tallies();
  const { ranges, copied } = indexOf(turn) ?? emptyIndex(rollout.rolloutId);
  const index = { ...emptyIndex(rollout.rolloutId), ranges: { ...ranges } };
  const tallies: Tallies = {};
  for (const at of Object.keys(all).filter(isTakenOver)) tallies[at] = all[at] as Tally;
  const sources = placesOf(all).filter((at) => !isTakenOver(at) && mayBeOnImage(turn, at, all[at] as Tally));
  for (const at of sources) {
    const known = copied[at];
    if (known?.[1] === String(all[at])) index.copied[at] = known;
  }
  const due = sources.filter((at) => index.copied[at] === undefined);
  const now = due.slice(0, most);
  let last = Math.max(0, ...[...Object.keys(tallies), ...Object.keys(ranges)].map(numberOf));
  const parts = new Map<Place, Part>();
  for (const [i, part] of turn.book.all<Part>(now.map(partKey)).entries()) {
    const at = now[i] ?? "";
    const to = copied[at]?.[0] ?? `0/${++last}`;
    const taken = Object.entries(part ?? {}).flatMap(([id, entry]): [string, Entry][] =>
      isOnImage(turn, at, entry) ? [[id, copyOf(turn, at, entry)]] : [],
    );
    index.copied[at] = [to, String(all[at])];
    if (taken.length > 0) index.ranges[to] = [taken[0]?.[0] ?? "", taken.at(-1)?.[0] ?? ""];
    parts.set(to, Object.fromEntries(taken));
  }
  return { index, tallies, parts, copies: new Map(parts), left: due.length - now.length };
}

/** A step of the copying on its own, before the next rollout begins; until then nothing of it counts. */
export function copySome(turn: Turn): number {
  const { index, parts, left } = copyOver(turn, PARTS_IN_A_CHANGE);
  for (const [at, part] of parts) turn.book.set(partKey(at), part);
  turn.book.set(TAKEN_OVER_KEY, index);
  return left;
}

/** All of it, for the rollout that begins. */
export function takeOver(turn: Turn, rolloutId: string): TakenOver {
  const { index, tallies, parts, copies } = copyOver(turn);
  const before = Object.values(index.copied).flatMap(([to]) => (parts.has(to) ? [] : [to]));
  const known = turn.book.all<Part>(before.map(partKey));
  for (const [i, to] of before.entries()) tallies[to] = tallyOf(known[i] ?? {});
  for (const [to, part] of parts) tallies[to] = tallyOf(part);
  const ranges = Object.fromEntries(
    Object.entries(index.ranges).filter(([at]) => (tallies[at]?.[0] ?? 0) > 0),
  );
  for (const at of Object.keys(tallies)) if (ranges[at] === undefined) delete tallies[at];
  return { index: { ...emptyIndex(rolloutId), ranges }, tallies, parts, copies };
}

/** What is new of it, as it was copied: without it a beginning that is cut short would lose what it has not merged. */
export function storeCopies({ copies }: TakenOver): Write[] {
  return [...copies].flatMap(([at, part]) =>
    Object.keys(part).length === 0 ? [] : [{ key: partKey(at), value: part }],
  );
}

/** Stores it: to be called when the new rollout has taken the place of the one before. */
export function keep({ book }: Turn, { index, parts, copies }: TakenOver): void {
  for (const [at, part] of parts) {
    if (index.ranges[at] === undefined) book.clear(partKey(at));
    else if (copies.get(at) !== part) book.set(partKey(at), part);
  }
  book.set(TAKEN_OVER_KEY, index);
}

/** A sentinel that can never revert keeps that mark: a later rollback does not try it again. */
function copyOf(turn: Turn, at: Place, entry: Entry): Entry {
  const { from, is, stays, why, earlier, failedEarlier } = entry;
  if (isRetried(entry) && !earlier) return { from, is: "waiting", failedEarlier: true };
  const kept = stays === undefined ? {} : { stays, ...(why === undefined ? {} : { why }) };
  if (isLeftOver(entry)) return { from, is: "succeeded", ...kept };
  if (is === "waiting" && failedEarlier) {
    const mayBeOnImage = isDoubtful(turn, at) || earlier === true;
    return mayBeOnImage ? { from, is, failedEarlier } : { from, is: "failed" };
  }
  return { from, is, ...kept };
}

/** Does the part have a sentinel that took the image, or of which that is unknown? */
function mayBeOnImage(turn: Turn, at: Place, tally: Tally): boolean {
  const [size, succeeded, failed, skipped, reverted, , earlier = 0, failedEarlier = 0, leftOver = 0] = tally;
  const open = size > succeeded + failed + skipped;
  const waits = open && (isDoubtful(turn, at) || earlier + failedEarlier > 0);
  return succeeded > reverted || failed + leftOver > 0 || waits;
}

/** It is unknown which of the waiting sentinels of the part have been launched. */
function isDoubtful({ rollout, drive }: Turn, at: Place): boolean {
  const { forward } = drive ?? {};
  const unknown = drive?.lost === true || (forward !== undefined && forward.retries === undefined);
  return unknown && waveOf(at) === rollout?.currentWave;
}

function isOnImage(turn: Turn, at: Place, entry: Entry): boolean {
  const { is, earlier, failedEarlier } = entry;
  if (isLeftOver(entry)) return true;
  // A failed sentinel is left alone. It is copied because it may run the image, and only its entry knows what it ran before.
  if (is === "failed") return true;
  return (
    is === "succeeded" || (is === "waiting" && (isDoubtful(turn, at) || earlier || failedEarlier) === true)
  );
}
