import { z } from "zod";
import type { Book } from "./book.ts";
import { totalOf } from "./counts.ts";
import { cutForHead, cutForPart, KEPT_FAILURES } from "./cut-text.ts";
import type { Drive, Driver, Item, LaneBook, PartPlan } from "./drive-state.ts";
import { newLane } from "./new-lane.ts";
import { partsOf } from "./parts.ts";
import type { Entry, Failure, Part, RolloutState } from "./state.ts";
import { DRIVE_KEY, HEAD_KEY, laneKey, PLAN_KEY, partKey, TALLIES_KEY } from "./state-keys.ts";
import { type Tallies, tallyOf } from "./tally.ts";

const ids = z.array(z.string());
const byId = z.record(z.string(), z.string());

/** How version 0.1 stored a rollout: all of the fleet under one key, and who drives beside it. */
const Rollout = z.object({
  rolloutId: z.string(),
  state: z.enum(["in_progress", "paused", "cancelled", "completed", "rolling_back"]),
  image: z.string(),
  previousImages: byId,
  wavePercentages: z.array(z.number()),
  waves: z.array(ids),
  currentWave: z.int().min(0),
  succeededIds: ids,
  failedIds: ids,
  failureReasons: byId,
  skippedIds: ids.default([]),
  skipReasons: byId.default({}),
  revertedIds: ids,
  startedAtMs: z.number(),
  waveStartedAtMs: z.number(),
  pauseReason: z.string(),
});
export type LegacyRollout = z.infer<typeof Rollout>;

const LegacyDriver = z.object({
  invocationId: z.string(),
  signal: z.string(),
  startedAtMs: z.number(),
  firstWave: z.number(),
});
type LegacyDriver = z.infer<typeof LegacyDriver>;

export const LEGACY_KEYS = ["forwardDrive", "rollbackDrive", "stateSinceMs", "historyRevision"] as const;

/** Undefined: the value is not of version 0.1, or cannot be read. */
export function legacyRollout(value: unknown): LegacyRollout | undefined {
  return Rollout.safeParse(value).data;
}

/** What version 0.1 stored, as it is stored now. A drive of that version goes on as a single lane that holds its wave. */
export interface Migrated {
  rollout: RolloutState;
  drive: Drive;
  parts: [at: string, part: Part][];
  plan: PartPlan[];
  tallies: Tallies;
  book?: LaneBook;
}

/** @param beside the values under `LEGACY_KEYS` */
export function migrated(old: LegacyRollout, beside: readonly unknown[]): Migrated {
  const [forward, rollback] = beside.slice(0, 2).map((value) => LegacyDriver.safeParse(value).data);
  const [sinceMs, revision] = beside.slice(2).map((value) => z.number().safeParse(value).data);
  const entryOf = entries(old);
  const parts = old.waves.flatMap((wave, i) =>
    partsOf(wave).map((ids, n): [string, Part] => [
      `${i + 1}/${n + 1}`,
      Object.fromEntries(ids.map((id): [string, Entry] => [id, entryOf(id)])),
    ]),
  );
  const waves = old.waves.map((ids, i) => {
    const tallied = parts.filter(([at]) => at.startsWith(`${i + 1}/`)).map(([, part]) => tallyOf(part));
    const sum = (n: 1 | 2 | 3 | 4) => tallied.reduce((total, tally) => total + tally[n], 0);
    return { size: ids.length, succeeded: sum(1), failed: sum(2), skipped: sum(3), reverted: sum(4) };
  });
  const rollout: RolloutState = {
    ...pick(old),
    waves,
    totalSentinels: totalOf(waves),
    failures: newest(old.failedIds, old.failureReasons),
    skips: newest(old.skippedIds, old.skipReasons),
    sinceMs: sinceMs ?? old.waveStartedAtMs,
  };
  const out = forward === undefined ? [] : waitingItems(parts, old.currentWave);
  const drive: Drive = {
    rolloutId: old.rolloutId,
    revision: revision ?? 0,
    lanes: {},
    nextLane: 3,
    window: 1,
    hungry: [],
    // That version did not remember it.
    lost: true,
  };
  if (forward !== undefined) {
    drive.forward = driverOf(forward, 1, old.currentWave);
    drive.lanes[1] = { ...newLane("forward"), invocationId: forward.invocationId, out: out.length };
  }
  if (rollback !== undefined) {
    const reverted = old.revertedIds.length;
    drive.rollback = {
      ...driverOf(rollback, 2, old.currentWave),
      reverted,
      missed: 0,
      gone: 0,
      moved: 0,
      skips: [],
      failures: [],
    };
    drive.lanes[2] = { ...newLane("rollback"), invocationId: rollback.invocationId };
  }
  const plan = parts.map(([at, part]): PartPlan => {
    const ids = Object.keys(part);
    return { at, size: ids.length, first: ids[0] ?? "", last: ids.at(-1) ?? "" };
  });
  return {
    rollout,
    drive,
    parts,
    plan,
    tallies: Object.fromEntries(parts.map(([at, part]) => [at, tallyOf(part)])),
    ...(forward === undefined ? {} : { book: { seq: 0, out, done: [] } }),
  };
}

/** Writes it as it is stored now. */
export function migrate(book: Book, old: LegacyRollout): void {
  const { rollout, drive, parts, plan, tallies, book: held } = migrated(old, book.all(LEGACY_KEYS));
  for (const [at, part] of parts) book.set(partKey(at), part);
  if (held !== undefined) book.set(laneKey(1), held);
  book.set(PLAN_KEY, plan);
  book.set(TALLIES_KEY, tallies);
  book.set(DRIVE_KEY, drive);
  book.set(HEAD_KEY, rollout);
  for (const key of LEGACY_KEYS) book.clear(key);
}

function driverOf(
  { invocationId, startedAtMs, firstWave, signal }: LegacyDriver,
  lane: number,
  wave: number,
): Driver {
  return { invocationId, lane, startedAtMs, firstWave, openedWave: wave, legacy: { signal } };
}

function entries(old: LegacyRollout): (id: string) => Entry {
  const [succeeded, failed, skipped, reverted] = [
    old.succeededIds,
    old.failedIds,
    old.skippedIds,
    old.revertedIds,
  ].map((ids) => new Set(ids)) as [Set<string>, Set<string>, Set<string>, Set<string>];
  return (id) => {
    const from = old.previousImages[id] ?? "";
    if (reverted.has(id)) return { from, is: "reverted" };
    if (succeeded.has(id)) return { from, is: "succeeded" };
    if (failed.has(id)) return { from, is: "failed", why: why(old.failureReasons[id]) };
    if (skipped.has(id)) return { from, is: "skipped", why: why(old.skipReasons[id]) };
    return { from, is: "waiting" };
  };
}

function why(reason = "unknown"): string {
  return cutForPart(reason);
}

function waitingItems(parts: readonly [string, Part][], wave: number): Item[] {
  return parts
    .filter(([at]) => at.startsWith(`${wave + 1}/`))
    .flatMap(([at, part]) =>
      Object.entries(part)
        .filter(([, { is }]) => is === "waiting")
        .map(([id]) => ({ id, at })),
    );
}

function newest(ids: readonly string[], reasons: Record<string, string>): Failure[] {
  return ids.slice(-KEPT_FAILURES).map((id) => ({ id, reason: cutForHead(reasons[id] ?? "unknown") }));
}

function pick(old: LegacyRollout) {
  const { rolloutId, state, image, wavePercentages, currentWave } = old;
  const { startedAtMs, waveStartedAtMs, pauseReason } = old;
  return { rolloutId, state, image, wavePercentages, currentWave, startedAtMs, waveStartedAtMs, pauseReason };
}
