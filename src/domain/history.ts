import type { Event } from "./event.ts";
import { numbersOf } from "./progress.ts";
import type { RolloutState } from "./state.ts";
import type { Turn } from "./turn.ts";

/** Where a rollout stands, as it is kept for good. Times are unix milliseconds. */
export interface RolloutRecord {
  rolloutId: string;
  image: string;
  /** What a cluster's admission has made of it. */
  rewrittenTo?: string;
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

/** One change of a rollout: small, however large the fleet. */
export interface HistoryEntry {
  rollout: RolloutRecord;
  /** Present in the first entry of a rollout. */
  origin?: Origin;
  /** Those that are new; after a drive was killed some of them once more. */
  outcomes: OutcomeRecord[];
  atMs: number;
}

/** So many outcomes in one entry, so that no message grows with the fleet. */
const OUTCOMES_IN_AN_ENTRY = 200;

/** What a decision adds to the history; nothing when nothing became of the rollout. */
export function historyOf(before: RolloutState | undefined, turn: Turn, event: Event): HistoryEntry[] {
  const { rollout, outcomes, nowMs: atMs } = turn;
  if (rollout === undefined || (rollout === before && outcomes.length === 0)) return [];
  const record = recordOf(rollout);
  const origin = event.type === "begin" ? { origin: originOf(event) } : {};
  const chunks = Math.max(1, Math.ceil(outcomes.length / OUTCOMES_IN_AN_ENTRY));
  return Array.from({ length: chunks }, (_, i) => ({
    rollout: record,
    ...origin,
    outcomes: outcomes.slice(i * OUTCOMES_IN_AN_ENTRY, (i + 1) * OUTCOMES_IN_AN_ENTRY),
    atMs,
  }));
}

/** One change of a rollout that another one has taken the place of. */
export function entryOf(rollout: RolloutState, outcomes: OutcomeRecord[], atMs: number): HistoryEntry {
  return { rollout: recordOf(rollout), outcomes, atMs };
}

function recordOf(rollout: RolloutState): RolloutRecord {
  const { total, took, failed, skipped, reverted } = numbersOf(rollout, undefined);
  const over = rollout.state === "completed" || rollout.state === "cancelled";
  return {
    rolloutId: rollout.rolloutId,
    image: rollout.image,
    ...(rollout.rewrittenTo === undefined ? {} : { rewrittenTo: rollout.rewrittenTo }),
    state: rollout.state,
    wave: rollout.currentWave + 1,
    waveSizes: rollout.waves.map(({ size }) => size),
    ...{ total, succeeded: took, failed, skipped, reverted },
    pauseReason: rollout.pauseReason,
    startedAtMs: rollout.startedAtMs,
    ...(over ? { endedAtMs: rollout.sinceMs } : {}),
  };
}

function originOf({ invocationId, startedBy }: Event & { type: "begin" }): Origin {
  return { invocationId, ...(startedBy === undefined ? {} : { startedBy }) };
}
