import { DRIVE_KEY, laneKey } from "./parts.ts";
import type { Drive, Grant, Item, Lane, LaneBook, SentinelResult } from "./state.ts";

// The books of lanes and the drive are written with every report. So they are stored in few bytes: what sentinels have in
// common once, and no number that is 0.

/** Sentinels that follow one another and differ in their ids alone. */
type Run = [at: string, ids: string[], from?: string, unrecorded?: 1];
type Told = [
  id: string,
  at: string,
  is: string,
  durationMs?: number | null,
  why?: string | null,
  unrecorded?: 1,
];

/** What is stored under a key for a value. */
export function packed(key: string, value: unknown): unknown {
  if (key === DRIVE_KEY) return { ...(value as Drive), lanes: mapped((value as Drive).lanes, withoutZeros) };
  if (!key.startsWith(laneKey(""))) return value;
  const { out, grant, done, ...rest } = value as LaneBook;
  return {
    ...rest,
    out: runsOf(out),
    ...(grant === undefined ? {} : { grant: { ...grant, items: runsOf(grant.items) } }),
    done: done.map(toldOf),
  };
}

/** The value for what is stored under a key; what is not as it should be stays as it is. */
export function unpacked(key: string, stored: unknown): unknown {
  if (typeof stored !== "object" || stored === null) return stored;
  if (key === DRIVE_KEY && "lanes" in stored) {
    const drive = stored as Drive;
    return { ...drive, lanes: mapped(drive.lanes, (lane) => ({ ...ZEROS, ...lane })) };
  }
  if (!key.startsWith(laneKey("")) || !("out" in stored)) return stored;
  const { out, grant, done, ...rest } = stored as {
    out: Run[];
    grant?: Omit<Grant, "items"> & { items: Run[] };
    done: Told[];
  };
  return {
    ...rest,
    out: itemsOf(out),
    ...(grant === undefined ? {} : { grant: { ...grant, items: itemsOf(grant.items) } }),
    done: done.map(resultOf),
  };
}

const ZEROS = {
  ...{ out: 0, launching: 0, launched: 0, seq: 0, grants: 0 },
  ...{ succeeded: 0, failed: 0, skipped: 0, reverted: 0, stays: 0 },
  ...{ earlierOut: 0, earlierLaunching: 0, earlierTook: 0, earlierReverted: 0 },
};

function withoutZeros(lane: Lane): Partial<Lane> {
  return Object.fromEntries(Object.entries(lane).filter(([, value]) => value !== 0));
}

function mapped<T, U>(record: Record<string, T>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function runsOf(items: readonly Item[]): Run[] {
  const runs: Run[] = [];
  for (const { id, at, from, unrecorded } of items) {
    const last = runs.at(-1);
    if (last?.[0] === at && last[2] === from && (last[3] === 1) === (unrecorded === true)) {
      last[1].push(id);
    } else if (unrecorded) {
      runs.push([at, [id], from ?? "", 1]);
    } else {
      runs.push(from === undefined ? [at, [id]] : [at, [id], from]);
    }
  }
  return runs;
}

function itemsOf(runs: readonly Run[]): Item[] {
  return runs.flatMap(([at, ids, from, unrecorded]) =>
    ids.map(
      (id): Item => ({
        id,
        at,
        ...(from === undefined ? {} : { from }),
        ...(unrecorded ? { unrecorded: true } : {}),
      }),
    ),
  );
}

function toldOf({ id, at, is, durationMs, why, unrecorded }: SentinelResult): Told {
  if (unrecorded) return [id, at, is, durationMs ?? null, why ?? null, 1];
  if (why !== undefined) return [id, at, is, durationMs ?? null, why];
  return durationMs === undefined ? [id, at, is] : [id, at, is, durationMs];
}

function resultOf([id, at, is, durationMs, why, unrecorded]: Told): SentinelResult {
  return {
    id,
    at,
    is: is as SentinelResult["is"],
    ...(typeof why === "string" ? { why } : {}),
    ...(typeof durationMs === "number" ? { durationMs } : {}),
    ...(unrecorded ? { unrecorded: true } : {}),
  };
}
