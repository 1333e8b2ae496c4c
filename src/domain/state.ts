/** What is stored of a rollout: its head, and the fleet in parts. Times are unix milliseconds. */

import type { HealthSurvey, Regression } from "./health.ts";

export type State = "idle" | "in_progress" | "paused" | "cancelled" | "completed" | "rolling_back";
export type Operation = "Rollout" | "Resume" | "Cancel" | "RollbackAll" | "Pause" | "Abort" | "RetryFailed";
/** What changes something: those that are not legal in every state, and those that are. */
export type Verb = Operation | "Freeze" | "Unfreeze";

/**
 * Why a rollout is paused: a failed wave, an exceeded budget, an operator, a drive that ended before its time, a freeze, or
 * sentinels that broke after they had come up.
 */
export type PauseKind = "failure" | "budget" | "operator" | "interrupted" | "freeze" | "regression";

/** What a rollout was asked to keep to. Absent: as it was before there were limits. */
export interface Limits {
  /** The rollout goes on while at most this many sentinels of a wave fail: a number, or a share of the wave ("2%"). */
  maxFailures?: number | string;
  /** The same limit for the whole rollout. */
  maxTotalFailures?: number | string;
  /** Most Deploys in flight; the service's own limit holds as well. */
  maxInFlight?: number;
  /** Each wave begins with one Deploy in flight, and takes more as they succeed. */
  ramp?: true;
  /** How long (seconds) each wave is watched before the next one begins, and the last one before the rollout is over. */
  soakSeconds?: number[];
  /** At most this many sentinels that took the image, or this share of them ("2%"), may break afterwards. Absent: none. */
  maxRegressions?: number | string;
  /** A pause for a failure, a budget or a regression goes on to a rollback by itself. */
  onFailure?: "rollback";
}

/** One that broke after it came up; of a part, the newest of them, and of the head. */
export interface KnownRegression extends Regression {
  recovered?: true;
}

/** What a soak has found, beside the parts. An absent number is none. */
export interface Regressions {
  /** Grows with every Resume: those that it found are acknowledged. From 1. */
  round: number;
  /** Found since the last Resume, and all that there are; of these, those that have recovered. */
  found?: number;
  all?: number;
  recovered?: number;
  /** The newest of all, the newest last. */
  newest: KnownRegression[];
}

/** The numbers of one wave. `succeeded` counts all that took the image, those that were reverted since included. */
export interface WaveCount {
  size: number;
  succeeded: number;
  failed: number;
  skipped: number;
  reverted: number;
  /** Of the failed: their cluster did not answer. Absent: none. */
  away?: number;
}

export interface Failure {
  id: string;
  reason: string;
  /** An earlier rollout of the image had deployed it: once a RollbackAll has begun, it counts as one that took the image. */
  earlier?: true;
}

/** The head, under the key `rolloutState`: its size does not grow with the fleet, which lies in parts beside it. */
export interface RolloutState {
  rolloutId: string;
  state: Exclude<State, "idle">;
  image: string;
  wavePercentages: number[];
  waves: WaveCount[];
  /** 0-based. */
  currentWave: number;
  totalSentinels: number;
  /** The newest of those that failed, and of those that were skipped; the newest last. */
  failures: Failure[];
  skips: Failure[];
  startedAtMs: number;
  waveStartedAtMs: number;
  /** Since when the state, or the wave, is what it is now. */
  sinceMs: number;
  /** Why it is paused; empty unless it is. */
  pauseReason: string;
  /** Absent unless it is paused; also in what an earlier version has paused. */
  pauseKind?: PauseKind;
  limits?: Limits;
  /** Failures that a Resume has acknowledged: the budgets count anew from there. In this wave, and in all of them. */
  acknowledged?: {
    wave: number;
    total: number;
    /** Of them those whose cluster did not answer, where a rollback by itself goes by it. Absent: none. */
    away?: { wave: number; total: number };
  };
  /** What a cluster's admission has made of the image, as a Deploy was the first to tell. */
  rewrittenTo?: string;
  /** What earlier rollouts of this image deployed. An absent number is none. */
  takenOver?: {
    /** They stand in no wave of this rollout. */
    size: number;
    /** Of `size`: reverted since. */
    reverted: number;
    /** Not a rollback's to revert any more: of `size`, and of `leftOver`. */
    stay?: number;
    /** Of these it is not known whether they took the image. */
    unknown?: number;
    /** They stand in a wave, and wait to be deployed again. */
    again?: number;
    /** They failed in an earlier rollout, and have no result since. */
    failed?: number;
    /** They stand in a wave and failed or were skipped there: they have taken the image all the same. */
    leftOver?: number;
    /** Of `leftOver`: skipped. */
    leftOverSkipped?: number;
    /** Of `leftOver`: reverted since. The wave's numbers count them then. */
    leftOverReverted?: number;
  };
  /** A RollbackAll has begun, which reverts them, too: all numbers count them from then on. */
  countsTakenOver?: true;
  /** The rollback returns those that failed, too: they count among those that took the image. Of the last RollbackAll. */
  revertsFailed?: true;
  /** How many of those that failed no rollback can return: no longer running, or on another image since. Absent: none. */
  stayFailed?: number;
  /** How many of its waves took the image and are not a rollback's to revert any more; absent: none. */
  stay?: number;
  /** How many of the failed a retry was launched to that has no result: whether they came up only their rows tell. Absent: none. */
  retried?: number;
  /** The wave soaks, and until when. */
  soakUntilMs?: number;
  /** A soak was interrupted, and this much of it (ms) is left; 0: the wave has soaked. */
  soakLeftMs?: number;
  /** Paused, and a rollback is to follow by itself. */
  rollsBack?: true;
  /** Absent: none has been found. */
  regressions?: Regressions;
  /** As the sentinels stood when that was last told. */
  health?: HealthSurvey;
}

export type SentinelState = "waiting" | "succeeded" | "failed" | "skipped" | "reverted";

/** One sentinel of a rollout; `from` is the image to return to. */
export interface Entry {
  from: string;
  is: SentinelState;
  /** Why it failed or was skipped, or stays on the image. Of one that is reverted: why it had failed in this rollout. */
  why?: string;
  /** It failed because its cluster did not answer. */
  away?: true;
  /**
   * An earlier rollout of this image may have deployed it, whether or not its turn comes in this one. Of one that is reverted: it
   * had failed or been skipped in this one.
   */
  earlier?: true;
  /** It failed in an earlier rollout of this image, and has no result in this one yet. */
  failedEarlier?: true;
  /** It took the image, and is not a rollback's to revert any more: it is no longer running, or on another image since. */
  stays?: "gone" | "moved";
  /** It failed, and the attempt of this number deploys it again, and has no result yet: whether it came up its row tells. */
  retry?: number;
  /** It broke after it came up: since when, and in which round that was found; `why` says how. */
  regressed?: { round: number; sinceMs: number; recovered?: true };
}

/** At most 400 sentinels of a wave by id, in order; under the key `rolloutState/wave-<n>/<part>`. */
export type Part = Record<string, Entry>;

/** A part's place: `<wave>/<part>`, both from 1; wave 0 is what an earlier rollout of the image deployed. */
export type Place = string;
