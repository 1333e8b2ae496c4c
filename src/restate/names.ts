import type {
  ObjectContext,
  ObjectSharedContext,
  RetryPolicy,
  VirtualObjectDefinition,
} from "@restatedev/restate-sdk";
import type { RollbackScope } from "../domain/rollback.ts";
import type { Wave } from "../domain/rollout.ts";
import type { Event, PhaseChange } from "../domain/state.ts";
import type { View } from "../domain/view.ts";
import type { HistoryMessage } from "./history.ts";
import type { DeployReply, DeployRequest } from "./schemas.ts";

/** The only key of the rollout service: there is one rollout at a time. */
export const SINGLETON = "singleton";

/** What a transition answers: the view for people, and what the calling drive is to do next. */
export interface Step {
  /** False when the caller no longer drives the rollout. */
  accepted: boolean;
  view: View;
  wave?: Wave;
  scope?: RollbackScope;
}

/** The handlers that other handlers call, as clients see them. */
export const RolloutObject: VirtualObjectDefinition<
  "hydra.v1.SentinelRolloutService",
  {
    Transition: (ctx: ObjectContext, event: Event) => Promise<Step>;
    Watch: (ctx: ObjectSharedContext, drive: { invocationId: string }) => Promise<void>;
  }
> = { name: "hydra.v1.SentinelRolloutService" };

export const SentinelObject: VirtualObjectDefinition<
  "hydra.v1.SentinelService",
  { Deploy: (ctx: ObjectContext, request: DeployRequest) => Promise<DeployReply> }
> = { name: "hydra.v1.SentinelService" };

export const NotifierObject: VirtualObjectDefinition<
  "hydra.v1.SentinelRolloutNotifier",
  { Deliver: (ctx: ObjectContext, change: PhaseChange) => Promise<void> }
> = { name: "hydra.v1.SentinelRolloutNotifier" };

/** One queue: messages about the one rollout arrive in order. */
export const NOTIFIER_KEY = "slack";

/** Keyed by the rollout's id: one queue for each. */
export const HistoryObject: VirtualObjectDefinition<
  "hydra.v1.SentinelRolloutHistory",
  { Record: (ctx: ObjectContext, message: HistoryMessage) => Promise<void> }
> = { name: "hydra.v1.SentinelRolloutHistory" };

/** Carried by the Deploys of a rollout, so that their log lines can be told apart. */
export const ROLLOUT_ID_HEADER = "x-rollout-id";
export const WAVE_HEADER = "x-rollout-wave";

/** Sent by whoever calls `Rollout` and wants to be named in the history. */
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
 * A NotifyReady that carries it also has the row settled by a Deploy that changes nothing. The value keeps apart those
 * that are to run. Not a call of Deploy itself: that would keep the caller's bearer token in its journal.
 */
export const SETTLE_HEADER = "x-settle-abandoned";

/** A Status call that carries it comes from /metrics, as long as the rollout takes, and not from an operator. */
export const SCRAPE_HEADER = "x-scrape";
