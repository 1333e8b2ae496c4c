/** The words of the rollout: what is stored, what happens to it, and what others hear of it. */

export type Phase = "idle" | "in_progress" | "paused" | "cancelled" | "completed" | "rolling_back";
export type Operation = "Rollout" | "Resume" | "Cancel" | "RollbackAll";

/** The value under the K/V key `rolloutState`. Times are unix milliseconds. */
export interface RolloutState {
  rolloutId: string;
  state: Exclude<Phase, "idle">;
  image: string;
  /** The image to return to, by sentinel id. */
  previousImages: Record<string, string>;
  wavePercentages: number[];
  waves: string[][];
  /** 0-based. */
  currentWave: number;
  succeededIds: string[];
  failedIds: string[];
  failureReasons: Record<string, string>;
  /** Archived or deleted since the rollout began: neither a success nor a failure. */
  skippedIds: string[];
  skipReasons: Record<string, string>;
  revertedIds: string[];
  totalSentinels: number;
  startedAtMs: number;
  waveStartedAtMs: number;
  /** Why it is paused; empty unless it is. */
  pauseReason: string;
}

/** An invocation that drives the rollout. It reports under its id, and hears of a stop through its awakeable. */
export interface Drive {
  invocationId: string;
  /** Awakeable id: a forward drive hears of a cancel through it, a rollback of results that came in late. */
  signal: string;
  startedAtMs: number;
  /** The wave (0-based) that it began with. */
  firstWave: number;
}

/** Everything the object stores. A cancelled forward drive may still settle while a rollback already runs. */
export interface Machine {
  rollout: RolloutState | undefined;
  forward: Drive | undefined;
  rollback: Drive | undefined;
  /** Since when (unix ms) the state, or the wave, is what it is now. */
  sinceMs?: number;
}

/** What became of one sentinel. */
export interface SentinelResult {
  id: string;
  /** Present when it failed: one clause for a person. */
  failure?: string;
  /** Present when it is no longer a running sentinel, and why. */
  skipped?: string;
  /** How long its Deploy took, where that is known. */
  durationMs?: number;
}

export type NewDrive = Pick<Drive, "invocationId" | "signal">;

/** Everything that can happen to a rollout. `drive` is the reporting invocation's id. */
export type Event =
  | {
      type: "begin";
      drive: NewDrive;
      rolloutId: string;
      image: string;
      wavePercentages: number[];
      waves: string[][];
      previousImages: Record<string, string>;
      /** What the caller says of itself. */
      startedBy?: string;
    }
  | { type: "resume"; drive: NewDrive }
  | { type: "cancel" }
  | { type: "record"; drive: string; results: SentinelResult[] }
  | { type: "finishWave"; drive: string; results: SentinelResult[] }
  | { type: "interrupt"; drive: string; results: SentinelResult[]; reason: string }
  | { type: "beginRollback"; drive: NewDrive }
  /** Renews the signal of a rollback that waits for what is still in flight after a cancel. */
  | { type: "listen"; drive: string; signal: string }
  | { type: "recordReverted"; drive: string; ids: string[] }
  | {
      type: "finishRollback";
      drive: string;
      /** Reverted since the last report. */
      ids: string[];
      /** Over the whole call. */
      reverted: number;
      targets: number;
      /** The first few of those that did not revert. */
      failures: Failure[];
      interruption?: string;
    }
  | { type: "abandon"; drive: string; reason: string };

/** Numbers that every message about a rollout shows. */
export interface Progress {
  rolloutId: string;
  image: string;
  /** 1-based. */
  wave: number;
  waves: number;
  waveSize: number;
  total: number;
  succeeded: number;
  failed: number;
  skipped: number;
  /** Milliseconds since the rollout began, and since its wave did. */
  elapsedMs: number;
  waveElapsedMs: number;
}

export interface Failure {
  id: string;
  reason: string;
}

/** What Slack hears of, in order, once each. */
export type PhaseChange = { progress: Progress } & (
  | { kind: "started"; waveSizes: number[] }
  | { kind: "wave started" }
  | { kind: "wave completed" }
  | { kind: "paused"; reason: string; failures: Failure[] }
  | { kind: "resumed"; remaining: number }
  | { kind: "cancelled" }
  | { kind: "completed"; failures: Failure[] }
  | { kind: "rollback started"; targets: number }
  | {
      kind: "rollback completed";
      reverted: number;
      targets: number;
      durationMs: number;
      failures: Failure[];
      failed: number;
      interruption?: string;
    }
);
