import type { PartPlan, SentinelResult } from "./drive-state.ts";
import type { Moment, Override } from "./freeze.ts";
import type { Guarded } from "./guard.ts";
import type { HealthSurvey, Regression } from "./health.ts";
import type { LegacyReport } from "./legacy-report.ts";
import type { Limits, Part, Place } from "./state.ts";

/** What a caller says of itself and of its reason, where it does. */
export interface Asked {
  operator?: string;
  comment?: string;
  /** The call that asks. It may be absent where the caller gave neither name nor comment. */
  invocationId?: string;
}

/** Everything that can happen to a rollout. */
export type Event =
  | {
      type: "begin";
      invocationId: string;
      rolloutId: string;
      image: string;
      wavePercentages: number[];
      plan: PartPlan[];
      /** When the caller asked (unix ms): what was planned long ago does not begin any more. */
      askedMs: number;
      /** The first parts, where they are at hand. */
      parts: Part[];
      /** What the caller says of itself. */
      startedBy?: string;
      comment?: string;
      limits?: Limits;
      overrideFreeze?: true;
    }
  | { type: "stage"; rolloutId: string; at: Place; part: Part }
  /** Some of what a cancelled rollout deployed is copied for the next one of the same image. */
  | { type: "copy"; rolloutId: string; image: string }
  | ({ type: "resume"; invocationId: string } & Guarded & Asked & Override)
  /** `fence`: awakeable id by which it is told that nothing more is on its way to be launched. */
  | ({ type: "cancel"; fence?: string } & Guarded & Asked)
  | ({ type: "pause"; fence?: string } & Guarded & Asked)
  /** `ofPause`: by itself, and only while the pause of that moment lasts (unix ms). */
  | ({
      type: "beginRollback";
      invocationId: string;
      silent: Silence[];
      includeFailed?: boolean;
      ofPause?: number;
    } & Guarded &
      Asked)
  /** The failed ones, or those of them that are named, are deployed again. */
  | ({ type: "retryFailed"; invocationId: string; sentinelIds?: string[]; resume?: true } & Guarded &
      Asked &
      Override)
  /** A Cancel and a RollbackAll in one. */
  | ({ type: "abort"; invocationId: string; includeFailed?: boolean } & Guarded & Asked)
  /** Takes the place of the freeze that there is, if there is one. */
  | ({ type: "freeze"; id: string; reason: string; until?: Moment } & Asked)
  | ({ type: "unfreeze" } & Asked)
  /** The time of this freeze is up. */
  | { type: "freezeEnds"; id: string }
  /** What was seen of the health of those that took the image. */
  | {
      type: "health";
      rolloutId: string;
      regressed: Regression[];
      recovered: string[];
      health: HealthSurvey;
    }
  /** The time of this soak is up; these clusters do not answer. */
  | { type: "soakEnds"; rolloutId: string; untilMs: number; unseen?: string[] }
  | Report
  | { type: "interrupt"; rolloutId?: string; invocationId: string; reason: string }
  | { type: "laneLost"; rolloutId: string; lane: number; reason: string }
  /**
   * The invocation that drove has gone. Without an id: the state says that a rollout runs, and names no driver.
   * `rolloutId`: what it drove. Another rollout may have replaced that one.
   */
  | { type: "abandon"; rolloutId?: string; invocationId?: string; reason: string }
  /** Has the drivers report, to find out whether they still drive. */
  | { type: "ask"; rolloutId: string }
  /** What the watchdog sees: all that do not answer now. */
  | { type: "silent"; rolloutId: string; silent: Silence[] }
  /** A watchdog ends, and the one with this number takes over. */
  | { type: "relieve"; rolloutId: string; invocationId: string; number: number }
  | { type: "legacy"; report: LegacyReport }
  /** What the rows tell of the sentinels of a lane that does not answer. */
  | { type: "found"; rolloutId: string; lane: number; results: SentinelResult[] };

export interface Report {
  type: "report";
  rolloutId: string;
  lane: number;
  seq: number;
  /** The number of the last grant that it has launched. */
  got: number;
  results: SentinelResult[];
  /** Awakeable id by which the lane can be told of something new. */
  bell?: string;
  invocationId: string;
  /** It reports because some time has passed. */
  due: boolean;
  /** Where the launching stood when it last heard: it probably still does. */
  at?: Place;
  /** The driver has begun the wave (0-based), with the setting of that moment. */
  opens?: { wave: number; window: number };
}

/** An invocation that does not answer. */
export interface Silence {
  invocationId: string;
  sinceMs: number;
  why: string;
}
