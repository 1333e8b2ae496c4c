/**
 * What the object `hydra.v1.SentinelRolloutService/singleton` stores, as the contract has it: a head, and the fleet beside
 * it in parts. Imports nothing of the service, so that those who check it can go by it.
 */

export type Is = "waiting" | "succeeded" | "failed" | "skipped" | "reverted";

/** One sentinel in a part. */
export interface Entry {
  /** The image to return to. */
  from: string;
  is: Is;
  /**
   * Of those that failed or were skipped, or that no rollback can revert; cut to 200 characters. Of one that is reverted: why it
   * had failed in this rollout.
   */
  why?: string;
  /** An earlier rollout of the image may have deployed it. */
  earlier?: true;
  /** It took the image, and no rollback can revert it any more. */
  stays?: "gone" | "moved";
}

/** By sentinel id, in the order of the ids. */
export type Part = Record<string, Entry>;

export interface WaveCounts {
  size: number;
  /** All that took the image, those reverted since included. */
  succeeded: number;
  failed: number;
  skipped: number;
  reverted: number;
}

export interface Reason {
  id: string;
  reason: string;
}

/** A number of failures, or a percentage of the wave, or of the fleet. */
export interface Limits {
  maxFailures?: number | string;
  maxTotalFailures?: number | string;
  maxInFlight?: number;
  ramp?: true;
  /** Of each wave. */
  soakSeconds?: number[];
  maxRegressions?: number | string;
  onFailure?: "rollback";
}

/** The value of `rolloutState`. Times are unix milliseconds. */
export interface Head {
  rolloutId: string;
  state: "in_progress" | "paused" | "cancelled" | "completed" | "rolling_back";
  image: string;
  wavePercentages: number[];
  waves: WaveCounts[];
  /** 0-based. */
  currentWave: number;
  totalSentinels: number;
  /** The newest 20, the newest last. */
  failures: Reason[];
  skips: Reason[];
  startedAtMs: number;
  waveStartedAtMs: number;
  sinceMs: number;
  pauseReason: string;
  /** Absent unless it is paused. */
  pauseKind?: "failure" | "budget" | "operator" | "interrupted" | "freeze" | "regression";
  /** It soaks until then. */
  soakUntilMs?: number;
  /** What it was asked to keep to. */
  limits?: Limits;
  /** Failures of this wave, and of all, from which a Resume has the budgets count anew. */
  acknowledged?: { wave: number; total: number };
  /** What an earlier rollout of the image deployed, and how many of those were reverted since. */
  takenOver?: { size: number; reverted: number };
  /** The last rollback returns those that failed, too: they count among those that took the image. */
  revertsFailed?: true;
  /** A RollbackAll has begun: all that is told counts what was taken over, too. */
  countsTakenOver?: true;
}

/** Head and parts as one value, in the words of the tests. */
export interface FleetState {
  rolloutId: string;
  state: Head["state"];
  image: string;
  previousImages: Record<string, string>;
  wavePercentages: number[];
  waves: string[][];
  /** 0-based. */
  currentWave: number;
  /** All that took the image, those reverted since included. */
  succeededIds: string[];
  failedIds: string[];
  failureReasons: Record<string, string>;
  skippedIds: string[];
  skipReasons: Record<string, string>;
  revertedIds: string[];
  /** Of those: they had failed in this rollout. */
  revertedFailedIds: string[];
  totalSentinels: number;
  startedAtMs: number;
  waveStartedAtMs: number;
  pauseReason: string;
  /** All of its waves, by id. */
  fleet: Part;
  /** What an earlier rollout of the image deployed, by id. */
  takenOver: Part;
  /** What all that is told of the rollout has to count. */
  told: { total: number; succeeded: number; failed: number; skipped: number; reverted: number };
  /** Failed or skipped in its wave, but deployed by an earlier rollout of the image: a rollback reverts it. */
  leftOverIds: string[];
  /** Of those that were reverted. */
  leftOverRevertedIds: string[];
  /** As it is stored. */
  head: Head;
}

/** A row of Restate's table `state`. */
export interface StoredValue {
  key: string;
  value: string;
}

/** Runs SQL on Restate's introspection tables. */
type Sql = <R>(statement: string) => Promise<R[]>;

export const HEAD_KEY = "rolloutState";
const OBJECT = "service_name = 'hydra.v1.SentinelRolloutService' AND service_key = 'singleton'";
export const STORED = `SELECT key, value_utf8 AS value FROM state WHERE ${OBJECT}`;
export const DRIVES = `${STORED} AND (key = 'drive' OR key LIKE 'lane/%')`;

/** Both counted from 1; undefined when it is the key of something else. */
export function partOf(key: string): { wave: number; part: number } | undefined {
  const [, wave, part] = /^rolloutState\/wave-([1-9]\d*)\/([1-9]\d*)$/.exec(key) ?? [];
  return wave === undefined ? undefined : { wave: Number(wave), part: Number(part) };
}

/** Undefined before the first rollout. A part of a wave that the head does not know counts for nothing. */
export function assemble(stored: readonly StoredValue[]): FleetState | undefined {
  const text = stored.find(({ key }) => key === HEAD_KEY)?.value;
  if (text === undefined) return undefined;
  const head = JSON.parse(text) as Head;
  const parts = stored
    .flatMap(({ key, value }) => {
      const place = partOf(key);
      return place === undefined ? [] : [{ ...place, value }];
    })
    .sort((a, b) => a.wave - b.wave || a.part - b.part);
  const waves = head.waves.map((_, n) =>
    parts
      .filter(({ wave }) => wave === n + 1)
      .flatMap(({ value }) => Object.entries(JSON.parse(value) as Part)),
  );
  const fleet = waves.flat();
  const those = (...is: Is[]) => fleet.filter(([, entry]) => is.includes(entry.is));
  const takenOver = takenOverIn(stored);
  const along = head.countsTakenOver ? Object.values(takenOver).map(({ is }) => is) : [];
  const count = (...words: Is[]) => those(...words).length + along.filter((is) => words.includes(is)).length;
  const earlier = (...words: Is[]) => those(...words).filter((each) => each[1].earlier === true);
  const leftOver = head.countsTakenOver ? earlier("failed", "skipped").length : 0;
  const own = (word: Is) => those(word).length - (head.countsTakenOver ? earlier(word).length : 0);
  const failedToo = head.revertsFailed ? own("failed") : 0;
  return {
    rolloutId: head.rolloutId,
    state: head.state,
    image: head.image,
    previousImages: Object.fromEntries(fleet.map(([id, { from }]) => [id, from])),
    wavePercentages: head.wavePercentages,
    waves: waves.map(idsOf),
    currentWave: head.currentWave,
    succeededIds: idsOf(those("succeeded", "reverted")),
    failedIds: idsOf(those("failed")),
    failureReasons: reasonsOf(those("failed")),
    skippedIds: idsOf(those("skipped")),
    skipReasons: reasonsOf(those("skipped")),
    revertedIds: idsOf(those("reverted")),
    revertedFailedIds: idsOf(those("reverted").filter(([, { why }]) => why !== undefined)),
    totalSentinels: head.totalSentinels,
    startedAtMs: head.startedAtMs,
    waveStartedAtMs: head.waveStartedAtMs,
    pauseReason: head.pauseReason,
    fleet: Object.fromEntries(fleet),
    takenOver,
    told: {
      total: head.totalSentinels + along.filter((is) => is !== "failed" && is !== "skipped").length,
      succeeded: count("succeeded", "reverted") + leftOver + failedToo,
      failed: own("failed") - failedToo,
      skipped: own("skipped"),
      reverted: count("reverted"),
    },
    leftOverIds: idsOf(earlier("failed", "skipped")),
    leftOverRevertedIds: idsOf(earlier("reverted")),
    head,
  };
}

/** The parts of what an earlier rollout of the image deployed, as one. */
export function takenOverIn(stored: readonly StoredValue[]): Part {
  const parts = stored.filter(({ key }) => /^rolloutState\/taken-over\/[1-9]\d*$/.test(key));
  return Object.assign({}, ...parts.map(({ value }) => JSON.parse(value) as Part));
}

function idsOf(entries: readonly [id: string, entry: Entry][]): string[] {
  return entries.map(([id]) => id);
}

function reasonsOf(entries: readonly [id: string, entry: Entry][]): Record<string, string> {
  return Object.fromEntries(entries.map(([id, { why = "" }]) => [id, why]));
}

export async function readFleetState(sql: Sql): Promise<FleetState | undefined> {
  return assemble(await sql<StoredValue>(STORED));
}

/** Who still drives, by what `DRIVES` finds: a lane that lives, or a drive that is not over. */
export function drivesIn(stored: readonly StoredValue[]): string[] {
  return stored.flatMap(({ key, value }) => {
    if (key.startsWith("lane/")) return [key];
    if (key !== "drive") return [];
    const drive = JSON.parse(value) as object;
    return ["forward", "rollback"].filter((which) => which in drive).map((which) => `${which} drive`);
  });
}

/** Nobody drives the rollout any more: empty. */
export async function drivesLeft(sql: Sql): Promise<string[]> {
  return drivesIn(await sql<StoredValue>(DRIVES));
}
