import { countedBeside } from "./counts.ts";
import { cutForHead, KEPT_FAILURES } from "./cut-text.ts";
import type { Item, SentinelResult } from "./drive-state.ts";
import { placesOf, waveOf } from "./parts.ts";
import type { Entry, Failure, Part, Place } from "./state.ts";
import { partKey, RETRY_KEY, TALLIES_KEY } from "./state-keys.ts";
import { isLeftOver, isRetried, type Tallies, tallyOf } from "./tally.ts";
import type { Turn } from "./turn.ts";

/** Which of the failed are deployed again, where an operator has named them. */
export interface Chosen {
  /** The number of the attempt. */
  attempt: number;
  ids: Record<Place, string[]>;
}

/** The places of this rollout's own with sentinels that failed, in the order of the waves. */
export function placesToRetry(tallies: Tallies): Place[] {
  return placesOf(tallies).filter((at) => waveOf(at) >= 0 && (tallies[at]?.[2] ?? 0) > 0);
}

/** The next place with sentinels to deploy again. */
export function placeToRetry(turn: Turn, after: Place): Place | undefined {
  const tallies = turn.tallies();
  const [places, due] = [placesOf(tallies), new Set(placesToRetry(tallies))];
  const ids = chosenIds(turn);
  return places
    .slice(after === "" ? 0 : places.indexOf(after) + 1)
    .find((at) => due.has(at) && (ids === undefined || ids[at] !== undefined));
}

function chosenIds({ book, drive }: Turn): Chosen["ids"] | undefined {
  const { lane, retries } = drive?.forward ?? {};
  if (!retries?.chosen) return undefined;
  const chosen = book.get<Chosen>(RETRY_KEY);
  return chosen?.attempt === lane ? chosen?.ids : {};
}

/**
 * Lists the failed sentinels of one place and marks them in the part as retried. If a result is lost, a rollback goes by the
 * row. It always reverts those that an earlier rollout deployed.
 */
export function toRetry(turn: Turn, at: Place, part: Part): Item[] {
  const chosen = chosenIds(turn)?.[at];
  const due = Object.entries(part).filter(
    ([id, { is }]) => is === "failed" && (chosen === undefined || chosen.includes(id)),
  );
  const attempt = turn.drive?.forward?.lane ?? 0;
  const marked = due.flatMap(([id, entry]): [string, Entry][] => {
    if (isLeftOver(entry) || isRetried(entry)) return [];
    const { failedEarlier: _, ...kept } = entry;
    return [[id, { ...kept, retry: attempt }]];
  });
  store(turn, at, { ...part, ...Object.fromEntries(marked) });
  return due.map(([id, { earlier }]) => ({ id, at, retry: true, ...(earlier ? { earlier } : {}) }));
}

/** These were not launched after all. Removes the mark: they are failed as before. */
export function unmark(turn: Turn, at: Place, ids: readonly string[], attempt: number): void {
  const part = turn.book.get<Part>(partKey(at)) ?? {};
  const cleared = ids.flatMap((id): [string, Entry][] => {
    const entry = part[id];
    if (entry === undefined || entry.retry !== attempt) return [];
    const { retry: _, ...kept } = entry;
    return [[id, kept]];
  });
  if (cleared.length > 0) store(turn, at, { ...part, ...Object.fromEntries(cleared) });
}

function store(turn: Turn, at: Place, part: Part): void {
  const tallies = { ...turn.tallies(), [at]: tallyOf(part) };
  turn.book.set(partKey(at), part);
  turn.book.set(TALLIES_KEY, tallies);
  turn.count(countedBeside(tallies));
}

/** At most this many parts are searched for the names of failed sentinels. */
const PARTS_TO_NAME = 8;

/** The head names the newest failures. If those came up, names others that are left. */
export function nameOthers(turn: Turn): void {
  const { rollout } = turn.driving();
  const tallies = turn.tallies();
  const places = placesToRetry(tallies);
  const failed = places.reduce((sum, at) => sum + (tallies[at]?.[2] ?? 0), 0);
  if (rollout.failures.length >= Math.min(failed, KEPT_FAILURES)) return;
  const known = new Set(rollout.failures.map(({ id }) => id));
  const parts = turn.book.all<Part>(places.slice(-PARTS_TO_NAME).map(partKey));
  const others = parts.flatMap((part) =>
    Object.entries(part ?? {}).flatMap(([id, { is, why = "unknown", earlier }]): Failure[] =>
      is !== "failed" || known.has(id)
        ? []
        : [{ id, reason: cutForHead(why), ...(earlier ? { earlier } : {}) }],
    ),
  );
  const room = KEPT_FAILURES - rollout.failures.length;
  turn.become({ failures: [...others.slice(-room), ...rollout.failures] });
}

/** Counts what a retry's lane reports. */
export function countRetries(turn: Turn, results: readonly SentinelResult[]): void {
  const { retries } = turn.drive?.forward ?? {};
  if (retries === undefined) return;
  const known = results.filter(({ is }) => is !== "untouched");
  retries.settled += known.length;
  retries.failed += known.filter(({ is }) => is === "failed").length;
}
