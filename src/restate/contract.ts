import type {
  ObjectContext,
  ObjectSharedContext,
  RetryPolicy,
  VirtualObjectDefinition,
} from "@restatedev/restate-sdk";
import type { Action } from "../domain/action.ts";
import type { Answer } from "../domain/answer.ts";
import type { Direction } from "../domain/drive-state.ts";
import type { Event } from "../domain/event.ts";
import type { FreezeNotification } from "../domain/freeze-notification.ts";
import type { HistoryEntry } from "../domain/history-entry.ts";
import type { LeftBehind, Notification } from "../domain/notification.ts";
import type { Place } from "../domain/state.ts";
import type { DeployReply, DeployRequest } from "./deploy-schemas.ts";

/** The only key of the rollout service: there is one rollout at a time. */
export const SINGLETON = "singleton";

/** What a lane is told as it begins; what to launch it is granted later. */
export interface LaneRequest {
  rolloutId: string;
  lane: number;
  direction: Direction;
  image: string;
}

/** What a Deploy asks that was granted a while ago. */
export interface LaunchesRequest {
  rolloutId: string;
  lane: number;
  /** Number of the grant, for a person who reads the call. */
  grant: number;
  direction: Direction;
  /** True: the Deploy before was killed, and the question is whether to go on with it. Absent: whether the grant still holds. */
  killed?: boolean;
}

/** Asks for a row to be settled whose Deploy is dead. */
export interface SettleRequest {
  /** What the row said then (unix ms; 0: nothing). */
  updatedAtMs: number;
}

/** Asks what became of the sentinels that failed: all of them, or those of some parts. */
export interface LeftBehindRequest {
  rolloutId: string;
  places?: Place[];
  /** They are too many for a look at each Deployment. */
  byRows?: true;
  /** The caller asks again and again: it gets no answer where that would read much of the state. */
  bounded?: true;
}

/** Asks for a driving invocation to be watched. */
export interface WatchRequest {
  invocationId: string;
  /** The rollout that it drives. Absent in requests of an earlier version. */
  rolloutId?: string;
  /** The number of the watchdog. Absent: it is the first one of this drive. */
  number?: number;
}

/** What a change sends; `revision` grows with every one. */
export interface HistoryMessage {
  entry: HistoryEntry;
  revision: number;
}

/** The handlers that other handlers call, as clients see them. */
export const RolloutObject: VirtualObjectDefinition<
  "hydra.v1.SentinelRolloutService",
  {
    Change: (ctx: ObjectContext, event: Event) => Promise<Answer>;
    EndFreeze: (ctx: ObjectSharedContext, freeze: { id: string }) => Promise<void>;
    EndSoak: (ctx: ObjectSharedContext, soak: { rolloutId: string; untilMs: number }) => Promise<void>;
    Lane: (ctx: ObjectSharedContext, request: LaneRequest) => Promise<void>;
    LeftBehind: (ctx: ObjectSharedContext, request: LeftBehindRequest) => Promise<LeftBehind | null>;
    Launches: (ctx: ObjectSharedContext, request: LaunchesRequest) => Promise<boolean>;
    Load: (ctx: ObjectSharedContext, request: { rolloutId: string }) => Promise<{ left: number }>;
    OnFailure: (ctx: ObjectSharedContext, pause: { rolloutId: string; pausedMs: number }) => Promise<void>;
    Watch: (ctx: ObjectSharedContext, drive: WatchRequest) => Promise<void>;
    WatchHealth: (ctx: ObjectSharedContext, rollout: { rolloutId: string }) => Promise<void>;
  }
> = { name: "hydra.v1.SentinelRolloutService" };

export const SentinelObject: VirtualObjectDefinition<
  "hydra.v1.SentinelService",
  {
    Deploy: (ctx: ObjectContext, request: DeployRequest) => Promise<DeployReply>;
    Heal: (ctx: ObjectContext) => Promise<void>;
    Settle: (ctx: ObjectContext, request: SettleRequest) => Promise<DeployReply>;
  }
> = { name: "hydra.v1.SentinelService" };

export const NotifierObject: VirtualObjectDefinition<
  "hydra.v1.SentinelRolloutNotifier",
  { Deliver: (ctx: ObjectContext, notification: Notification | FreezeNotification) => Promise<void> }
> = { name: "hydra.v1.SentinelRolloutNotifier" };

/** One queue: messages about the one rollout arrive in order. */
export const NOTIFIER_KEY = "slack";

/** Keyed by the rollout's id: one queue for each; and one for what operators do. */
export const HistoryObject: VirtualObjectDefinition<
  "hydra.v1.SentinelRolloutHistory",
  {
    Record: (ctx: ObjectContext, message: HistoryMessage) => Promise<void>;
    RecordAction: (ctx: ObjectContext, action: Action) => Promise<void>;
  }
> = { name: "hydra.v1.SentinelRolloutHistory" };

/** One queue for all verbs, so that what a change has taken comes before what its caller is told. No rollout has this id. */
export const ACTIONS_KEY = "actions";

/** Carried by the Deploys of a rollout, so that their log lines can be told apart. */
export const ROLLOUT_ID_HEADER = "x-rollout-id";
export const WAVE_HEADER = "x-rollout-wave";

/**
 * Makes a Deploy the revert of a rollout: it leaves alone what is neither on the image of this header nor on the one
 * that it asks for.
 */
export const REVERTS_HEADER = "x-reverts";

/** "1": whether the sentinel took the image that is to be reverted is not known; one that did not is not touched. */
export const UNRECORDED_HEADER = "x-unrecorded";

/**
 * `<lane>/<grant number>/<unix ms of the grant>`: which grant of its rollout a Deploy was launched by. A lane that was
 * paused may launch it hours later: so one of an old grant asks first whether that still holds.
 */
export const GRANT_HEADER = "x-grant";

/** Sent by a caller who wants to be named in the history and in Slack; the second one is its former name. */
export const OPERATOR_HEADER = "x-operator";
export const STARTED_BY_HEADER = "x-started-by";

/**
 * An operator's tool must come back quickly after an outage and must never give up by itself: the default (70 attempts,
 * up to a minute apart) would park an invocation after about an hour.
 */
export const RETRY_POLICY: RetryPolicy = {
  initialInterval: 200,
  exponentiationFactor: 2,
  maxInterval: 2_000,
  maxAttempts: 1_000_000,
};

/**
 * A NotifyReady that carries it also has the row settled, unless something was written into it since: the value is the row's
 * updated_at (unix ms; 0: none). Not a call of Settle itself: that would keep the caller's bearer token in its journal.
 */
export const SETTLE_HEADER = "x-settle-abandoned";

/** A NotifyReady that carries it also starts Heal, for a row that is left failed though its sentinel has come up since. */
export const HEAL_HEADER = "x-heal";

/** A Status call that carries it comes from /metrics, as long as the rollout takes, and not from an operator. */
export const SCRAPE_HEADER = "x-scrape";
