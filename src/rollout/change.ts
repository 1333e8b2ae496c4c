import { type ObjectContext, type RestatePromise, rpc } from "@restatedev/restate-sdk";
import type { Answer, Decision } from "../domain/answer.ts";
import { Book, MissingError } from "../domain/book.ts";
import type { Event } from "../domain/event.ts";
import { isFormer } from "../domain/former.ts";
import type { Guarded } from "../domain/guard.ts";
import { apply } from "../domain/rollout.ts";
import { DRIVE_KEY, HEAD_KEY, laneKey, launchingKey } from "../domain/state-keys.ts";
import { HistoryObject, NOTIFIER_KEY, NotifierObject, RolloutObject } from "../restate/contract.ts";
import type { LastKnown } from "../restate/last-known.ts";
import { sendEndSoak, sendHealthWatch, sendWatchdog } from "./sends.ts";
import { type CountBytes, carryOut, load } from "./state.ts";
import { tellAction } from "./tell-action.ts";

export interface ChangeOptions {
  countBytes: CountBytes;
  lastKnown: LastKnown;
  /** Verbs of operators that do not name their rollout are refused. */
  requireRolloutId: boolean;
}

/**
 * Every change of the rollout's state, one at a time: short, without I/O, so that no verb ever waits for it. One that is
 * refused throws before anything is written.
 */
export async function change(
  ctx: ObjectContext,
  asked: Event,
  { countBytes: count, lastKnown, requireRolloutId }: ChangeOptions,
): Promise<Answer> {
  const now = moment(ctx, requireRolloutId && takesGuard(asked));
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, likelyKeys(asked), count, [now]);
  const told = await now;
  const strict = typeof told !== "number";
  const nowMs = strict ? told.nowMs : told;
  const event: Event = strict && takesGuard(asked) ? { ...asked, mustName: true } : asked;
  for (;;) {
    try {
      const decision = apply(new Book(loaded), event, nowMs);
      lastKnown.tell(decision.rollout, decision.drive);
      return tell(ctx, decision, count);
    } catch (error) {
      if (!(error instanceof MissingError)) throw error;
      await load(ctx, loaded, error.keys, count);
    }
  }
}

/** Of an operator: it may say what it is about. */
function takesGuard(event: Event): event is Extract<Event, Guarded & { type: (typeof GUARDED)[number] }> {
  return GUARDED.some((type) => event.type === type);
}

const GUARDED = ["resume", "cancel", "pause", "beginRollback", "abort", "retryFailed"] as const;

/**
 * What is now, and whether a verb has to name its rollout: kept with the time, so that a restart with another setting
 * decides this change as it was decided. Otherwise it is the time alone.
 */
function moment(ctx: ObjectContext, strict: boolean): RestatePromise<number | { nowMs: number }> {
  return ctx.run(() => (strict ? { nowMs: Date.now() } : Date.now()));
}

/** What a decision is about to ask for: asked for at once it costs one turn. */
function likelyKeys(event: Event): string[] {
  if (event.type !== "report") return [HEAD_KEY, DRIVE_KEY];
  const launching = event.at === undefined ? [] : [launchingKey(event.at)];
  return [HEAD_KEY, DRIVE_KEY, laneKey(event.lane), ...launching];
}

function tell(ctx: ObjectContext, decision: Decision, count: CountBytes): Answer {
  const {
    answer,
    writes,
    notifications,
    rings,
    history,
    watch,
    freezeNotifications,
    ends,
    action,
    soaks,
    rollsBack,
  } = decision;
  // The watchdog goes first: a state that names a driver has been sent a watchdog.
  if (watch !== undefined && decision.rollout !== undefined)
    sendWatchdog(ctx, { invocationId: watch }, decision.rollout);
  // This goes first, too. An EndFreeze that finds another freeze, or none, changes nothing.
  if (ends !== undefined) {
    const { id, inMs } = ends;
    ctx.objectSendClient(RolloutObject, ctx.key).EndFreeze({ id }, rpc.sendOpts({ delay: inMs }));
  }
  if (watch !== undefined) sendHealthWatch(ctx, decision.rollout);
  if (soaks !== undefined) sendEndSoak(ctx, soaks, soaks.inMs);
  // A lane that is rung without a grant reports, and its report waits for this change, or for its end if it is killed now.
  for (const { bell, grant } of rings) if (grant === undefined) ctx.resolveAwakeable(bell, {});
  // The message `settled` is sent before `drive.settles` is cleared. After a kill in between the next change sends it again, and
  // its idempotency key has it delivered once.
  const settled = notifications.filter(({ kind }) => kind === "settled");
  const forgets =
    settled.length === 0 ? -1 : writes.findIndex(({ key }) => key === DRIVE_KEY || isFormer(key));
  const first = forgets < 0 ? writes.length : forgets;
  carryOut(ctx, writes.slice(0, first), count);
  for (const notification of settled) {
    const idempotencyKey = `settled ${notification.progress.rolloutId}`;
    ctx
      .objectSendClient(NotifierObject, NOTIFIER_KEY)
      .Deliver(notification, rpc.sendOpts({ idempotencyKey }));
  }
  carryOut(ctx, writes.slice(first), count);
  // Sent, not called: a history that cannot be written, and a Slack that is away, delay nothing.
  for (const { entry, revision } of history) {
    ctx.objectSendClient(HistoryObject, entry.rollout.rolloutId).Record({ entry, revision });
  }
  for (const notification of notifications) {
    if (notification.kind !== "settled")
      ctx.objectSendClient(NotifierObject, NOTIFIER_KEY).Deliver(notification);
  }
  for (const notification of freezeNotifications)
    ctx.objectSendClient(NotifierObject, NOTIFIER_KEY).Deliver(notification);
  for (const { bell, grant } of rings) if (grant !== undefined) ctx.resolveAwakeable(bell, { grant });
  if (rollsBack !== undefined) ctx.objectSendClient(RolloutObject, ctx.key).OnFailure(rollsBack);
  // The last of all: what an earlier version has begun to tell it goes on to tell as it did.
  if (action !== undefined) tellAction(ctx, { id: ctx.request().id, ...action });
  return answer;
}
