import { countedBeside, countedWaves } from "./counts.ts";
import { cutForHead, cutForPart, KEPT_FAILURES } from "./cut-text.ts";
import type { Direction, LaneBook, SentinelResult } from "./drive-state.ts";
import type { OutcomeRecord } from "./history-entry.ts";
import { waveOf } from "./parts.ts";
import { pendingOf } from "./progress.ts";
import type { Entry, Failure, Part, Place } from "./state.ts";
import { laneKey, partKey, TALLIES_KEY } from "./state-keys.ts";
import { isLeftOver, isRetried, tallyOf } from "./tally.ts";
import type { Turn } from "./turn.ts";

/** A result waits at most this long (ms) before it is recorded in its part; operators are promised 2 s. */
export const RECORD_AFTER_MS = 1_500;

/**
 * Records what the lanes have reported: in the parts, in the numbers of the head, and for the history.
 * @param anew places that are counted anew, for a change that recorded there may have been cut short
 */
export function recordPending(turn: Turn, anew: readonly Place[] = []): void {
  const { rollout, drive } = turn.driving();
  const lanes = Object.entries(drive.lanes).filter(([, lane]) => lane.over || pendingOf(lane) > 0);
  if (lanes.length === 0) return;
  const keys = lanes.map(([lane]) => laneKey(lane));
  turn.book.need([...keys, TALLIES_KEY]);
  const books = turn.book.all<LaneBook>(keys);
  const byPlace = new Map<Place, SentinelResult[]>(anew.map((at) => [at, []]));
  for (const result of books.flatMap((book) => book?.done ?? [])) {
    byPlace.set(result.at, [...(byPlace.get(result.at) ?? []), result]);
  }
  const places = [...byPlace.keys()];
  const parts = turn.book.all<Part>(places.map(partKey));
  const tallies = { ...turn.tallies() };
  const failures: Failure[] = [];
  const skips: Failure[] = [];
  /** Sentinels that were reverted or retried: they do not count as failed or skipped any more. */
  const healed = new Set<string>();
  for (const [i, at] of places.entries()) {
    const part = { ...parts[i] };
    for (const result of byPlace.get(at) ?? []) {
      const entry = part[result.id];
      const next = entry === undefined ? undefined : entryAfter(entry, result);
      if (next === undefined) continue;
      part[result.id] = next;
      turn.outcomes.push(...outcomesOf(entry, result));
      const { is, earlier } = next;
      const leftOf = entry?.is === "failed" && is !== "failed";
      if (leftOf || (is === "reverted" && entry?.is !== "succeeded")) healed.add(result.id);
      if ((result.is !== "failed" && result.is !== "skipped") || isOldNews(result)) continue;
      const why = { id: result.id, reason: cutForHead(result.why ?? "unknown") };
      (is === "failed" ? failures : skips).push(earlier ? { ...why, earlier } : why);
    }
    turn.book.set(partKey(at), part);
    tallies[at] = tallyOf(part);
  }
  turn.book.set(TALLIES_KEY, tallies);
  turn.count(countedBeside(tallies));
  turn.become({
    waves: countedWaves(rollout.waves, tallies),
    failures: newest(rollout.failures, failures, healed),
    skips: newest(rollout.skips, skips, healed),
  });
  for (const [i, [key, lane]] of lanes.entries()) {
    const book = books[i];
    if (lane.over) {
      delete drive.lanes[key];
      turn.book.clear(laneKey(key));
      continue;
    }
    Object.assign(lane, {
      ...{ succeeded: 0, failed: 0, skipped: 0, reverted: 0, stays: 0 },
      ...{ earlierTook: 0, earlierReverted: 0, earlierStays: 0 },
    });
    delete lane.leftOverReverted;
    delete lane.leftOverStays;
    delete lane.retryDone;
    if (book !== undefined) turn.setLaneBook(key, { ...book, done: [] });
  }
  delete drive.pending;
}

function newest(
  before: readonly Failure[],
  added: readonly Failure[],
  healed: ReadonlySet<string>,
): Failure[] {
  const ids = new Set([...healed, ...added.map(({ id }) => id)]);
  return [...before.filter(({ id }) => !ids.has(id)), ...added].slice(-KEPT_FAILURES);
}

/** After a drive was killed, at most this many of its places are sent to the history again. */
const RETOLD_PLACES = 20;

/**
 * Killing a drive also kills the change that it was making, perhaps before that change told the history. So the history is told
 * once more of all parts that the drive was at; what it is told twice counts once.
 */
export function retell(turn: Turn, of: Direction): void {
  const { drive } = turn.driving();
  const lanes = Object.entries(drive.lanes).filter(([, lane]) => lane.of === of);
  const books = turn.book.all<LaneBook>(lanes.map(([lane]) => laneKey(lane)));
  const held = books.flatMap((book) => [
    ...(book?.out ?? []),
    ...(book?.done ?? []),
    ...(book?.grant?.items ?? []),
  ]);
  const places = [...new Set([...held.map(({ at }) => at), ...(drive.queue?.at ? [drive.queue.at] : [])])];
  const told = places.slice(0, RETOLD_PLACES);
  for (const [i, part] of turn.book.all<Part>(told.map(partKey)).entries()) {
    const wave = waveOf(told[i] ?? "") + 1;
    for (const [sentinelId, entry] of Object.entries(part ?? {})) {
      const { is, why, earlier } = entry;
      // That one failed was told before it was deployed again.
      if (is === "waiting" || isRetried(entry)) continue;
      const reason = why === undefined ? {} : { reason: why };
      if (is !== "reverted") turn.outcomes.push({ sentinelId, wave, outcome: is, ...reason });
      else {
        const before = why === undefined ? "succeeded" : "failed";
        if (!earlier) turn.outcomes.push({ sentinelId, wave, outcome: before, ...reason });
        turn.outcomes.push({ sentinelId, wave, outcome: is });
      }
    }
  }
}

/**
 * Undefined where the result changes nothing: the first one counts. The same result once more was stored by a change that was
 * killed before it told anyone.
 */
function entryAfter(entry: Entry, result: SentinelResult): Entry | undefined {
  if (result.retry && entry.is === "failed") return entryRetried(entry, result);
  const { is, why, unrecorded, away } = result;
  if (entry.is === is) return entry;
  switch (is) {
    case "succeeded":
      return entry.is === "waiting" ? { ...entry, is } : undefined;
    case "failed":
    case "skipped": {
      // A rollback leaves alone what it finds failed, even if an earlier rollout may have deployed it.
      const kept = unrecorded ? { from: entry.from } : entry;
      const missing = away ? { away } : {};
      return entry.is === "waiting"
        ? { ...kept, is, why: cutForPart(why ?? "unknown"), ...missing }
        : undefined;
    }
    case "reverted":
      if (isLeftOver(entry)) return { from: entry.from, is, earlier: true };
      if (entry.is === "failed") return { from: entry.from, is, why: entry.why ?? "unknown" };
      return entry.is === "skipped" ? undefined : { from: entry.from, is };
    case "gone":
    case "moved":
      if (isLeftOver(entry)) return { ...entry, stays: is, why: cutForPart(why ?? "unknown") };
      if (entry.is === "failed") return { ...entry, stays: is, why: cutForPart(why ?? "unknown") };
      return entry.is === "succeeded" || tookIt(entry, unrecorded)
        ? { ...entry, is: "succeeded", stays: is, why: cutForPart(why ?? "unknown") }
        : undefined;
    case "missed":
      return tookIt(entry, unrecorded) ? { ...entry, is: "succeeded" } : undefined;
    case "untouched":
      return undefined;
  }
}

/** It failed, and has been deployed again; in a rollback its row has told what came of that. */
function entryRetried(
  { from, earlier, ...entry }: Entry,
  { is, why, away }: SentinelResult,
): Entry | undefined {
  const kept = earlier ? { from, earlier } : { from };
  switch (is) {
    case "failed":
    case "skipped":
      return { ...kept, is, why: cutForPart(why ?? entry.why ?? "unknown"), ...(away ? { away } : {}) };
    case "gone":
    case "moved":
      return { from, is: "succeeded", stays: is, why: cutForPart(why ?? "unknown") };
    case "missed":
      return { from, is: "succeeded" };
    case "succeeded":
      return { ...kept, is };
    case "reverted":
      return { from, is };
    case "untouched":
      return undefined;
  }
}

/** That a sentinel stayed failed is known, and why. */
function isOldNews({ is, why, retry }: SentinelResult): boolean {
  return retry === true && is === "failed" && why === undefined;
}

/** A rollback has found that it took the image. */
function tookIt({ is }: Entry, unrecorded: true | undefined): boolean {
  return is === "waiting" && unrecorded === true;
}

/** What a rollback found to have taken the image has two outcomes, or that one, if it did not revert. */
function outcomesOf(entry: Entry | undefined, result: SentinelResult): OutcomeRecord[] {
  if (isOldNews(result)) return [];
  const { id: sentinelId, is, why, durationMs, at } = result;
  const wave = waveOf(at) + 1;
  // That one of wave 0 took the image is in the history of an earlier rollout.
  const first: OutcomeRecord[] =
    (entry?.is === "waiting" || (entry?.is === "failed" && result.retry)) && wave > 0
      ? [{ sentinelId, wave, outcome: "succeeded" }]
      : [];
  if (is === "missed" || is === "gone" || is === "moved") return first;
  if (is === "untouched") return [];
  const record: OutcomeRecord = {
    sentinelId,
    wave,
    outcome: is,
    ...(is === "failed" || is === "skipped" ? { reason: why ?? "" } : {}),
    ...(durationMs === undefined ? {} : { durationMs }),
  };
  return is === "reverted" ? [...first, record] : [record];
}
