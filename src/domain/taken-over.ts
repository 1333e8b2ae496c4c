import type { Write } from "./book.ts";
import type { Event } from "./event.ts";
import {
  countedBeside,
  isLeftOver,
  isPartTakenOver,
  isRetried,
  partKey,
  placesOf,
  placeTakenOver,
  TAKEN_OVER_KEY,
  TALLIES_KEY,
  type Tallies,
  type Tally,
  tallyOf,
  waveOf,
} from "./parts.ts";
import { plural } from "./progress.ts";
import type { Entry, Part, Place, RolloutState } from "./state.ts";
import type { Turn } from "./turn.ts";

// A rollout of the image of a cancelled one goes on where that ended: who took the image stays on it, and what it ran
// before is kept in parts of its own, as wave 0, so that RollbackAll returns all of them. Such a part is copied once out of
// the waves, and then handed on from rollout to rollout. Who is deployed again stands in a wave of the new one, and there alone.

/** So many parts are copied, or looked through, in one change: no change grows with the fleet. */
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

/**
 * Copies who took the image, and who may have, out of the waves of the present rollout.
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

/**
 * Of a rollout whose beginning was cut short nothing was launched, but what it was to take over is still to be reverted.
 * @returns the places of its parts
 */
export function saveTakenOver(turn: Turn): Place[] {
  const { book } = turn;
  const { rollout, drive } = turn.driving();
  if (rollout.takenOver === undefined) return [];
  // Its index is stored once its waves are: some of ours may stand in them by now, and are not taken out of our parts yet.
  const merged = indexOf(turn) !== undefined;
  const places = merged
    ? Object.keys(turn.tallies())
    : book.keys().filter(isPartTakenOver).map(placeTakenOver);
  const parts = book.all<Part>(places.map(partKey)).map((part) => part ?? {});
  const again = new Set(parts.flatMap((part, i) => (isTakenOver(places[i] ?? "") ? [] : Object.keys(part))));
  const tallies: Tallies = {};
  const index = emptyIndex(rollout.rolloutId);
  for (const [i, at] of places.entries()) {
    const entries = Object.entries(parts[i] ?? {}).filter(([id]) => !isTakenOver(at) || !again.has(id));
    if (entries.length === 0) continue;
    const part = Object.fromEntries(entries);
    book.set(partKey(at), part);
    tallies[at] = tallyOf(part);
    if (isTakenOver(at)) index.ranges[at] = [entries[0]?.[0] ?? "", entries.at(-1)?.[0] ?? ""];
  }
  book.set(TALLIES_KEY, tallies);
  book.set(TAKEN_OVER_KEY, index);
  turn.count(countedBeside(tallies));
  drive.again = true;
  return Object.keys(tallies);
}

/** Stores it: to be called when the new rollout has taken the place of the one before. */
export function keep({ book }: Turn, { index, parts, copies }: TakenOver): void {
  for (const [at, part] of parts) {
    if (index.ranges[at] === undefined) book.clear(partKey(at));
    else if (copies.get(at) !== part) book.set(partKey(at), part);
  }
  book.set(TAKEN_OVER_KEY, index);
}

/**
 * Who is deployed again stands in the new wave, with its old way back where it runs the image itself, and is marked: it may have
 * taken the image earlier, whether or not its turn comes.
 * @param most parts of ours to look through now
 * @returns `whole`: nothing more is to be looked through
 */
export function merge(
  { book }: Pick<Turn, "book">,
  { index, tallies, parts }: TakenOver,
  at: Place,
  part: Part,
  image: string,
  most = Number.POSITIVE_INFINITY,
): { part: Part; whole: boolean } {
  const ids = Object.keys(part);
  const [first = "", last = ""] = [ids[0], ids.at(-1)];
  const ours = placesOf(index.ranges).filter((each) => {
    const [from, to] = index.ranges[each] ?? ["", ""];
    return from <= last && to >= first && numberOf(each) > (index.merging[at] ?? 0);
  });
  const now = ours.slice(0, most);
  const merged = { ...part };
  const stored = book.all<Part>(now.filter((each) => !parts.has(each)).map(partKey));
  for (const [i, each] of now.filter((place) => !parts.has(place)).entries())
    parts.set(each, stored[i] ?? {});
  for (const each of now) {
    const own = { ...parts.get(each) };
    for (const id of Object.keys(own)) {
      const [entry, before] = [merged[id], own[id]];
      if (entry === undefined || before === undefined) continue;
      delete own[id];
      if (before.is === "reverted") continue;
      const from = entry.from === image ? before.from : entry.from;
      const failed = before.is === "failed" || before.failedEarlier;
      merged[id] = {
        ...{ ...entry, from },
        ...(before.is === "failed" ? {} : { earlier: true }),
        ...(failed ? { failedEarlier: true } : {}),
      };
    }
    parts.set(each, own);
    tallies[each] = tallyOf(own);
  }
  for (const each of now.filter((place) => tallies[place]?.[0] === 0)) {
    delete tallies[each];
    delete index.ranges[each];
  }
  const whole = now.length === ours.length;
  const { [at]: _, ...others } = index.merging;
  index.merging = whole ? others : { ...others, [at]: numberOf(now.at(-1) ?? "") };
  return { part: merged, whole };
}

/** One more part of the new fleet. @returns whether it is whole; a part that is not is asked for again */
export function stageTakenOver(turn: Turn, { at, part }: Event & { type: "stage" }): boolean {
  const { rollout } = turn.driving();
  const index = indexOf(turn);
  const all = { ...turn.tallies() };
  if (index === undefined) {
    turn.book.set(partKey(at), part);
    turn.book.set(TALLIES_KEY, { ...all, [at]: tallyOf(part) });
    return true;
  }
  const begun = index.merging[at] === undefined ? undefined : turn.book.get<Part>(partKey(at));
  const taken: TakenOver = {
    index: { ...index, ranges: { ...index.ranges }, merging: { ...index.merging } },
    tallies: {},
    parts: new Map(),
    copies: new Map(),
  };
  const { part: merged, whole } = merge(turn, taken, at, begun ?? part, rollout.image, PARTS_IN_A_CHANGE);
  turn.book.set(partKey(at), merged);
  for (const [place, own] of taken.parts) {
    if (Object.keys(own).length > 0) turn.book.set(partKey(place), own);
    else turn.book.clear(partKey(place));
    delete all[place];
  }
  turn.book.set(TAKEN_OVER_KEY, taken.index);
  const tallies = { ...all, ...taken.tallies, ...(whole ? { [at]: tallyOf(merged) } : {}) };
  turn.book.set(TALLIES_KEY, tallies);
  turn.count(countedBeside(tallies));
  return whole;
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

function indexOf({ book, rollout }: Turn): Index | undefined {
  const index = book.get<Index>(TAKEN_OVER_KEY);
  return index?.rolloutId === rollout?.rolloutId ? index : undefined;
}

function emptyIndex(rolloutId: string): Index {
  return { rolloutId, ranges: {}, copied: {}, merging: {} };
}

function numberOf(at: Place): number {
  return Number(at.slice(at.indexOf("/") + 1));
}

/** Who can never revert will not come the next time either. */
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

/** Is there anybody in it who took the image, or of whom nobody knows? */
function mayBeOnImage(turn: Turn, at: Place, tally: Tally): boolean {
  const [size, succeeded, failed, skipped, reverted, , earlier = 0, failedEarlier = 0, leftOver = 0] = tally;
  const open = size > succeeded + failed + skipped;
  const waits = open && (isDoubtful(turn, at) || earlier + failedEarlier > 0);
  return succeeded > reverted || failed + leftOver > 0 || waits;
}

/** Nobody knows which of those that wait have been launched. */
function isDoubtful({ rollout, drive }: Turn, at: Place): boolean {
  const { forward } = drive ?? {};
  const unknown = drive?.lost === true || (forward !== undefined && forward.retries === undefined);
  return unknown && waveOf(at) === rollout?.currentWave;
}

function isOnImage(turn: Turn, at: Place, entry: Entry): boolean {
  const { is, earlier, failedEarlier } = entry;
  if (isLeftOver(entry)) return true;
  // One that failed is left alone, as ever; but what it ran before is known here alone, should it run the image all the same.
  if (is === "failed") return true;
  return (
    is === "succeeded" || (is === "waiting" && (isDoubtful(turn, at) || earlier || failedEarlier) === true)
  );
}
