import type { Drive, Grant, Item, Lane, LaneBook, SentinelResult } from "./drive-state.ts";
import { UnreadableError } from "./readable.ts";
import { DRIVE_KEY, laneKey } from "./state-keys.ts";

// The books of lanes and the drive are written with every report. So they are stored in few bytes: what sentinels have in
// common once, and no number that is 0.

/** Sentinels that follow one another and differ in their ids alone. */
type Run = [at: string, ids: string[], from?: string | null, marks?: number];
/** Results with the same place and kind. A `number` after an id is how long (ms) its Deploy took. */
type Told = [at: string, is: string, results: (string | number | Rest)[]];
/** What few results have: it follows their id, too. */
type Rest = [why: string | null, marks?: number];
/** The sum of those that it has. */
const MARKS = { unrecorded: 1, earlier: 2, away: 4, retry: 8 } as const;

/** What is stored under a key for a value. */
export function packed(key: string, value: unknown): unknown {
  if (key === DRIVE_KEY) return { ...(value as Drive), lanes: mapped((value as Drive).lanes, wireOf) };
  if (!key.startsWith(laneKey(""))) return value;
  const { out, grant, done, ...rest } = value as LaneBook;
  return {
    ...rest,
    out: runsOf(out),
    ...(grant === undefined ? {} : { grant: { ...grant, items: runsOf(grant.items) } }),
    done: toldOf(done),
  };
}

/**
 * The value for what is stored under a key.
 * @throws UnreadableError where it is a drive or a book, and this service did not write it
 */
export function unpacked(key: string, stored: unknown): unknown {
  if (stored === undefined || stored === null) return stored;
  if (key === DRIVE_KEY) {
    if (!isDrive(stored)) throw new UnreadableError("it is not a drive", key, OR_CLEAR);
    return { ...stored, lanes: mapped(stored.lanes, laneOf) };
  }
  if (!key.startsWith(laneKey(""))) return stored;
  try {
    const { out, grant, done, ...rest } = stored as WireBook;
    return {
      ...rest,
      out: itemsOf(out),
      ...(grant === undefined ? {} : { grant: { ...grant, items: itemsOf(grant.items) } }),
      done: done.flatMap(resultsOf),
    };
  } catch {
    throw new UnreadableError("it is not what a lane holds", key, OR_CLEAR);
  }
}

const OR_CLEAR = "clear the key in the State tab of Restate, and go by what Status says then";

interface WireBook {
  out: Run[];
  grant?: Omit<Grant, "items"> & { items: Run[] };
  done: Told[];
}

/** Is it whole enough for every decision to read it? */
function isDrive(stored: unknown): stored is Omit<Drive, "lanes"> & { lanes: Record<string, unknown> } {
  const { rolloutId, lanes, hungry, nextLane, window } = stored as Partial<Drive>;
  return (
    typeof rolloutId === "string" &&
    typeof lanes === "object" &&
    lanes !== null &&
    Object.values<unknown>(lanes).every((lane) => Array.isArray(lane) && Array.isArray(lane[2])) &&
    Array.isArray(hungry) &&
    typeof nextLane === "number" &&
    typeof window === "number"
  );
}

/** Numbers of a lane in the order in which they are stored; zeros at the end are left out. */
const NUMBERS = [
  ...(["seenMs", "out", "launching", "launched", "seq", "grants"] as const),
  ...(["succeeded", "failed", "skipped", "reverted", "stays"] as const),
  ...(["earlierOut", "earlierLaunching", "earlierTook", "earlierReverted", "earlierStays"] as const),
];
/** Numbers that are stored after them; a number that is 0 is absent from the lane. */
const MORE_NUMBERS = [
  ...(["againOut", "againLaunching", "leftOverReverted"] as const),
  ...(["leftOverStays", "unrecordedOut", "unrecordedLaunching"] as const),
  ...(["retryOut", "retryLaunching", "retryDone", "leftOverOut", "leftOverLaunching"] as const),
];
const FLAGS = ["fills", "announced", "over", "tells"] as const;

/** The first letters of its direction and flags, then its numbers. */
type WireLane = [what: string, invocationId: string, numbers: number[], silent?: NonNullable<Lane["silent"]>];

function wireOf(lane: Lane): WireLane {
  const flags = FLAGS.filter((flag) => lane[flag]).map((flag) => flag.charAt(0));
  const numbers = [...NUMBERS, ...MORE_NUMBERS].map((name) => lane[name] ?? 0);
  const used = numbers.slice(0, numbers.findLastIndex((n) => n !== 0) + 1);
  const what = `${lane.of.charAt(0)}${flags.join("")}`;
  const { invocationId = "", silent } = lane;
  return silent === undefined ? [what, invocationId, used] : [what, invocationId, used, silent];
}

function laneOf(stored: unknown): Lane {
  const [what, invocationId, numbers, silent] = stored as WireLane;
  const all = Object.fromEntries(NUMBERS.map((name, i) => [name, numbers[i] ?? 0]));
  const { seenMs, ...counts } = all as Record<(typeof NUMBERS)[number], number>;
  const more = MORE_NUMBERS.map((name, i) => [name, numbers[NUMBERS.length + i] ?? 0] as const);
  const flags = FLAGS.filter((flag) => what.includes(flag.charAt(0), 1)).map((flag) => [flag, true]);
  return {
    of: what.startsWith("f") ? "forward" : "rollback",
    ...counts,
    ...(invocationId === "" ? {} : { invocationId }),
    ...(seenMs === 0 ? {} : { seenMs }),
    ...Object.fromEntries(more.filter(([, count]) => count > 0)),
    ...Object.fromEntries(flags),
    ...(silent === undefined ? {} : { silent }),
  };
}

function mapped<T, U>(record: Record<string, T>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function runsOf(items: readonly Item[]): Run[] {
  const runs: Run[] = [];
  for (const { id, at, from, ...item } of items) {
    const last = runs.at(-1);
    const marks = marksOf(item);
    if (last?.[0] === at && (last[2] ?? undefined) === from && (last[3] ?? 0) === marks) {
      last[1].push(id);
    } else if (marks > 0) {
      runs.push([at, [id], from ?? null, marks]);
    } else {
      runs.push(from === undefined ? [at, [id]] : [at, [id], from]);
    }
  }
  return runs;
}

function itemsOf(runs: readonly Run[]): Item[] {
  return runs.flatMap(([at, ids, from, marks]) =>
    ids.map(
      (id): Item => ({
        id,
        at,
        ...(from === undefined || from === null ? {} : { from }),
        ...marked(marks),
      }),
    ),
  );
}

type Marks = Pick<SentinelResult, keyof typeof MARKS>;

function marksOf(marks: Marks): number {
  return Object.entries(MARKS).reduce((sum, [name, bit]) => sum + (marks[name as keyof Marks] ? bit : 0), 0);
}

function marked(marks = 0): Marks {
  return {
    ...(marks & MARKS.away ? { away: true } : {}),
    ...(marks & MARKS.unrecorded ? { unrecorded: true } : {}),
    ...(marks & MARKS.earlier ? { earlier: true } : {}),
    ...(marks & MARKS.retry ? { retry: true } : {}),
  };
}

function toldOf(results: readonly SentinelResult[]): Told[] {
  const groups: Told[] = [];
  for (const { id, at, is, durationMs, why, ...result } of results) {
    let group = groups.at(-1);
    if (group?.[0] !== at || group[1] !== is) {
      group = [at, is, []];
      groups.push(group);
    }
    group[2].push(id);
    if (durationMs !== undefined) group[2].push(durationMs);
    const marks = marksOf(result);
    if (marks > 0) group[2].push([why ?? null, marks]);
    else if (why !== undefined) group[2].push([why]);
  }
  return groups;
}

function resultsOf([at, is, told]: Told): SentinelResult[] {
  const results: SentinelResult[] = [];
  let last: SentinelResult | undefined;
  for (const each of told) {
    if (typeof each === "string") {
      last = { id: each, at, is: is as SentinelResult["is"] };
      results.push(last);
    } else if (typeof each === "number") {
      Object.assign(last ?? {}, { durationMs: each });
    } else {
      const [why, marks] = each;
      Object.assign(last ?? {}, why === null ? {} : { why }, marked(marks));
    }
  }
  return results;
}
