import type { RolloutState } from "./state.ts";

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
