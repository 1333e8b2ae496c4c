import { handlers, type ObjectContext, object, RetryableError } from "@restatedev/restate-sdk";
import { freezeMessage } from "../domain/freeze-messages.ts";
import type { FreezeNotification } from "../domain/freeze-notification.ts";
import { slackMessage } from "../domain/messages.ts";
import type { Notification } from "../domain/notification.ts";
import type { Logger } from "../log.ts";
import type { WorkMetrics } from "../metrics/work.ts";
import { NotifierObject, RETRY_POLICY } from "../restate/contract.ts";
import { type SlackClient, SlackDeliveryError } from "../slack.ts";
import { askLeftBehind } from "./ask-left-behind.ts";

export interface SlackQueueOptions {
  slack: SlackClient;
  logger: Logger;
  metrics: Pick<WorkMetrics, "slackDelivery" | "phaseChanged">;
}

/** Of the rollout, or of a freeze. */
type Any = Notification | FreezeNotification;

/** The queue of Slack messages: one at a time and in order, retried for as long as it takes, while the rollout goes on. */
export function createSlackQueue(options: SlackQueueOptions) {
  return object({
    name: NotifierObject.name,
    description: "Delivers the rollout's phase changes to Slack.",
    handlers: {
      Deliver: handlers.object.exclusive(
        { description: "Posts one phase change.", journalRetention: 0 },
        async (ctx: ObjectContext, notification: Any): Promise<void> => {
          const told = await completed(ctx, notification);
          await ctx.run(`tell Slack: ${notification.kind}`, () => deliver(told, options), {
            initialRetryInterval: 500,
            retryIntervalFactor: 2,
            maxRetryInterval: 15_000,
          });
        },
      ),
    },
    options: { ingressPrivate: true, retryPolicy: RETRY_POLICY },
  });
}

/** Looks now at how the failed sentinels stand: they may have come up while the rollback ran. */
async function completed(ctx: ObjectContext, notification: Any): Promise<Any> {
  if (notification.kind !== "rollback completed") return notification;
  const { rolloutId, failed, failedEarlier = 0 } = notification.progress;
  const left = await askLeftBehind(ctx, { rolloutId }, failed + failedEarlier);
  return left === undefined ? notification : { ...notification, left };
}

async function deliver(notification: Any, { slack, logger, metrics }: SlackQueueOptions): Promise<void> {
  try {
    metrics.slackDelivery(
      await slack.post("progress" in notification ? slackMessage(notification) : freezeMessage(notification)),
    );
    metrics.phaseChanged(notification.kind);
  } catch (error) {
    if (!(error instanceof SlackDeliveryError)) throw error;
    const about = {
      ...("progress" in notification ? { rolloutId: notification.progress.rolloutId } : {}),
      change: notification.kind,
      reason: error.message,
    };
    metrics.slackDelivery(error.permanent ? "refused" : "failed");
    if (error.permanent) {
      metrics.phaseChanged(notification.kind);
      // Trying again would only hold up what comes after it.
      logger.error(about, "Slack refused a message for good");
      return;
    }
    logger.warn(about, "Slack delivery failed, will be retried");
    if (error.retryAfterMs !== undefined) {
      throw new RetryableError(error.message, { retryAfter: error.retryAfterMs });
    }
    throw error;
  }
}
