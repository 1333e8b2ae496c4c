import type { Failure, KnownRegression, PauseKind } from "./state.ts";

/** Of the sentinels that failed in a rollout, which a rollback leaves alone, as they are now. */
export interface LeftBehind {
  failed: number;
  /** Of them those that failed in an earlier rollout of the image, and have no result in this one. Absent: none. */
  earlier?: number;
  /** Their Deployment is set to the rollout's image: those that heal come up with it. */
  holding: number;
  /** Of them those that run it and are healthy, by their rows. */
  serving: number;
  /** Their Deployments could not be read now, or are too many: what they are set to is as their rows have it. */
  byRows?: boolean;
}

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
  /** Of those that succeeded; absent in what version 0.1 has queued. */
  reverted?: number;
  /** Not of the others: they failed in an earlier rollout of the image, and have no result since. Absent: none. */
  failedEarlier?: number;
  /** Milliseconds since the rollout began, and since its wave did. */
  elapsedMs: number;
  waveElapsedMs: number;
}

/** What a Resume finds: sentinels of the wave without a result, which it deploys first, and failed ones of it. */
export interface ResumeScope {
  left: number;
  failed: number;
  /** Failures count anew, against a budget: those there are do not pause the wave again. */
  budgeted?: true;
  /** How long (ms) the wave soaks before the next one begins. Absent: not at all. */
  soakMs?: number;
  /** That is what an interruption has left of its soak. */
  soakIsRest?: true;
}

/** What a RollbackAll finds. */
export interface RollbackScope {
  /** Took the image, and are to be reverted. */
  took: number;
  /** Took it, and could not be reverted before: no longer running, or on another image since. Absent: none. */
  stay?: number;
  /** Failed, and are to be reverted, too. Absent: none, or they are left alone. */
  failed?: number;
  /** Of an earlier rollout of the image, which deployed them. Absent: none. */
  takenOver?: number;
  /** May take it yet. */
  inFlight: number;
  /** Sentinels of which it is unknown; their rows tell. */
  unknown: number;
}

/** A wave is watched for a while. */
export interface Soak {
  /** Unix ms. */
  untilMs: number;
  /** How long it takes. */
  ms: number;
}

/** Who asked for it, and why, as the caller said. */
export interface Told {
  by?: string;
  comment?: string;
}

/** The name and the comment of the caller, as far as they were given. */
export function toldBy({ operator, comment }: { [K in "operator" | "comment"]?: string | undefined }): Told {
  return {
    ...(operator === undefined ? {} : { by: operator }),
    ...(comment === undefined ? {} : { comment }),
  };
}

/**
 * What Slack hears of, in order. A crash loses none, but one may come twice: the service died after Slack had taken it, and
 * before Restate knew. What an earlier version has queued lacks the fields that may be absent.
 */
export type Notification = { progress: Progress } & (
  | ({ kind: "started"; waveSizes: number[] } & Told)
  | { kind: "wave started" }
  /** `failed` in this wave, within the budget; absent: none. */
  | { kind: "wave completed"; failed?: number; soak?: Soak; regressed?: number }
  | { kind: "rewritten"; to: string }
  | {
      kind: "paused";
      why?: PauseKind;
      reason: string;
      failures: Failure[];
      resume?: ResumeScope;
      rollback?: RollbackScope;
      /** The newest of those that broke after they came up, and how many there are. Absent: none. */
      regressions?: KnownRegression[];
      regressed?: number;
      /** It goes on to a rollback by itself. */
      rollsBack?: true;
      /** A freeze holds, which did not bring it about. */
      frozen?: true;
    }
  /** Some broke after they came up, and the rollout does not stop for it. */
  | { kind: "regressed"; regressions: KnownRegression[]; regressed: number }
  /** A soak is over, and these clusters did not answer at its end. */
  | { kind: "unseen"; clusters: string[] }
  | ({ kind: "resumed"; resume?: ResumeScope } & Told)
  /** `retries` failed sentinels are deployed again; `resume`: it goes on if that helps. */
  | ({ kind: "retrying"; retries: number; resume?: true } & Told)
  | ({ kind: "cancelled"; inFlight?: number; aborts?: true } & Told)
  /** What was in flight at a Cancel is no more; `lost` have no result, and `why`. */
  | { kind: "settled"; lost: number; why?: string }
  /** `asked`: how an operator asked for a pause when nothing was left to launch. */
  | { kind: "completed"; failures: Failure[]; asked?: string }
  | { kind: "silent"; invocationId: string; why: string; rollingBack: boolean }
  | ({ kind: "rollback started"; scope?: RollbackScope; failedToo?: true; targets?: number } & Told)
  | {
      kind: "rollback completed";
      reverted: number;
      targets: number;
      durationMs: number;
      /** The first few of those that did not revert. */
      failures: Failure[];
      /** All that did not revert; of them those that are no longer running, and those on another image (absent: none). */
      failed: number;
      skipped?: number;
      moved?: number;
      /** What became of those that failed, looked at when it is told. */
      left?: LeftBehind;
      interruption?: string;
    }
);
