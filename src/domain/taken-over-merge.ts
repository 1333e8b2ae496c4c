import { countedBeside } from "./counts.ts";
import type { Event } from "./event.ts";
import { placesOf } from "./parts.ts";
import type { Part, Place } from "./state.ts";
import { isPartTakenOver, partKey, placeTakenOver, TAKEN_OVER_KEY, TALLIES_KEY } from "./state-keys.ts";
import {
  emptyIndex,
  indexOf,
  isTakenOver,
  numberOf,
  PARTS_IN_A_CHANGE,
  type TakenOver,
} from "./taken-over.ts";
import { type Tallies, tallyOf } from "./tally.ts";
import type { Turn } from "./turn.ts";

/**
 * A sentinel that is deployed again has an entry in the new wave. If it runs the image already, the entry keeps the previous
 * image. The entry is marked: the sentinel may have taken the image earlier, whether or not its turn comes.
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
