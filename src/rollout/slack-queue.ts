import { handlers, type ObjectContext, object, RetryableError } from "@restatedev/restate-sdk";
import type { FreezeChange } from "../domain/freeze-change.ts";
import { freezeMessage } from "../domain/freeze-messages.ts";
import { slackMessage } from "../domain/messages.ts";
import type { PhaseChange } from "../domain/phase-change.ts";
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
type Change = PhaseChange | FreezeChange;

/** The queue of Slack messages: one at a time and in order, retried for as long as it takes, in nobody's way. */
export function createSlackQueue(options: SlackQueueOptions) {
  return object({
    name: NotifierObject.name,
    description: "Delivers the rollout's phase changes to Slack.",
    handlers: {
      Deliver: handlers.object.exclusive(
        { description: "Posts one phase change.", journalRetention: 0 },
        async (ctx: ObjectContext, change: Change): Promise<void> => {
          const told = await completed(ctx, change);
          await ctx.run(`tell Slack: ${change.kind}`, () => deliver(told, options), {
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

/** How those stand that failed is looked at now: they may have come up while the rollback ran. */
async function completed(ctx: ObjectContext, change: Change): Promise<Change> {
  if (change.kind !== "rollback completed") return change;
  const { rolloutId, failed, failedEarlier = 0 } = change.progress;
  const left = await askLeftBehind(ctx, rolloutId, failed + failedEarlier);
  return left === undefined ? change : { ...change, left };
}

async function deliver(change: Change, { slack, logger, metrics }: SlackQueueOptions): Promise<void> {
  try {
    metrics.slackDelivery(
      await slack.post("progress" in change ? slackMessage(change) : freezeMessage(change)),
    );
    metrics.phaseChanged(change.kind);
  } catch (error) {
    if (!(error instanceof SlackDeliveryError)) throw error;
    const about = {
      ...("progress" in change ? { rolloutId: change.progress.rolloutId } : {}),
      change: change.kind,
      reason: error.message,
    };
    metrics.slackDelivery(error.permanent ? "refused" : "failed");
    if (error.permanent) {
      metrics.phaseChanged(change.kind);
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
