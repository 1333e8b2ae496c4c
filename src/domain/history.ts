import type { Event, Machine, RolloutState, SentinelResult } from "./state.ts";

/** Where a rollout stands, as it is kept for good. Times are unix milliseconds. */
export interface RolloutRecord {
  rolloutId: string;
  image: string;
  state: RolloutState["state"];
  /** 1-based. */
  wave: number;
  waveSizes: number[];
  total: number;
  succeeded: number;
  failed: number;
  skipped: number;
  reverted: number;
  /** Empty unless it is paused. */
  pauseReason: string;
  startedAtMs: number;
  /** Present once it is completed or cancelled. */
  endedAtMs?: number;
}

export type SentinelOutcome = "failed" | "skipped" | "reverted" | "succeeded";

/** What became of one sentinel. One that was reverted has two: it succeeded before. */
export interface OutcomeRecord {
  sentinelId: string;
  /** 1-based. */
  wave: number;
  outcome: SentinelOutcome;
  reason?: string;
  /** How long its Deploy took. */
  durationMs?: number;
}

/** Who began a rollout. */
export interface Origin {
  invocationId: string;
  /** What the caller says of itself. */
  startedBy?: string;
}

/** One change of a rollout: small, however large the fleet, for results are recorded a few at a time. */
export interface HistoryEntry {
  rollout: RolloutRecord;
  /** Present in the first entry of a rollout. */
  origin?: Origin;
  /** Those that are new; after a drive was killed all of them. */
  outcomes: OutcomeRecord[];
  atMs: number;
}

/**
 * What a change of the machine adds to the history; undefined when nothing became of the rollout.
 * @param nowMs unix milliseconds
 */
export function historyOf(
  before: Machine,
  after: Machine,
  event: Event,
  nowMs: number,
): HistoryEntry | undefined {
  const { rollout } = after;
  if (rollout === undefined || rollout === before.rollout) return undefined;
  // Who kills a drive kills the change that it was making, too, and with it perhaps the entry of what it has changed.
  const told = event.type !== "abandon" && before.rollout?.rolloutId === rollout.rolloutId;
  const earlier = told ? before.rollout : undefined;
  return {
    rollout: recordOf(rollout, after.sinceMs ?? nowMs),
    ...(event.type === "begin" ? { origin: originOf(event) } : {}),
    outcomes: outcomesOf(rollout, earlier, "results" in event ? event.results : []),
    atMs: nowMs,
  };
}

function recordOf(rollout: RolloutState, sinceMs: number): RolloutRecord {
  const over = rollout.state === "completed" || rollout.state === "cancelled";
  return {
    rolloutId: rollout.rolloutId,
    image: rollout.image,
    state: rollout.state,
    wave: rollout.currentWave + 1,
    waveSizes: rollout.waves.map((wave) => wave.length),
    total: rollout.totalSentinels,
    succeeded: rollout.succeededIds.length,
    failed: rollout.failedIds.length,
    skipped: rollout.skippedIds.length,
    reverted: rollout.revertedIds.length,
    pauseReason: rollout.pauseReason,
    startedAtMs: rollout.startedAtMs,
    ...(over ? { endedAtMs: sinceMs } : {}),
  };
}

function originOf({ drive, startedBy }: Event & { type: "begin" }): Origin {
  return { invocationId: drive.invocationId, ...(startedBy === undefined ? {} : { startedBy }) };
}

/** The lists of ids only ever grow at their ends. */
function outcomesOf(
  rollout: RolloutState,
  earlier: RolloutState | undefined,
  results: readonly SentinelResult[],
): OutcomeRecord[] {
  const added = (key: "succeededIds" | "failedIds" | "skippedIds" | "revertedIds") =>
    rollout[key].slice(earlier?.[key].length ?? 0);
  const fresh: Omit<OutcomeRecord, "wave">[] = [
    ...added("succeededIds").map((sentinelId) => ({ sentinelId, outcome: "succeeded" as const })),
    ...added("failedIds").map((sentinelId) => {
      return { sentinelId, outcome: "failed" as const, reason: rollout.failureReasons[sentinelId] ?? "" };
    }),
    ...added("skippedIds").map((sentinelId) => {
      return { sentinelId, outcome: "skipped" as const, reason: rollout.skipReasons[sentinelId] ?? "" };
    }),
    ...added("revertedIds").map((sentinelId) => ({ sentinelId, outcome: "reverted" as const })),
  ];
  if (fresh.length === 0) return [];
  const waves = wavesOf(
    rollout,
    fresh.map(({ sentinelId }) => sentinelId),
  );
  const durations = new Map(results.map(({ id, durationMs }) => [id, durationMs]));
  return fresh.map((record) => {
    const durationMs = durations.get(record.sentinelId);
    return {
      ...record,
      wave: waves.get(record.sentinelId) ?? 0,
      ...(durationMs === undefined ? {} : { durationMs }),
    };
  });
}

/** The wave (1-based) of each of the given sentinels. */
function wavesOf(rollout: RolloutState, ids: string[]): Map<string, number> {
  const wanted = new Set(ids);
  return new Map(
    rollout.waves.flatMap((wave, at) =>
      wave.filter((id) => wanted.has(id)).map((id): [string, number] => [id, at + 1]),
    ),
  );
}
