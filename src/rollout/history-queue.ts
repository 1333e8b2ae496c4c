import { handlers, type ObjectContext, object } from "@restatedev/restate-sdk";
import type { HistoryEntry } from "../domain/history-entry.ts";
import type { Logger } from "../log.ts";
import type { HistoryStore } from "../mysql/history.ts";
import { DatabaseError } from "../mysql/pool.ts";
import { type HistoryMessage, HistoryObject, RETRY_POLICY } from "../restate/contract.ts";

export interface HistoryQueueOptions {
  history: Pick<HistoryStore, "record">;
  logger: Logger;
}

/** A queue for each rollout that writes its changes to MySQL: in order, retried for as long as it takes, in nobody's way. */
export function createHistoryQueue({ history, logger }: HistoryQueueOptions) {
  return object({
    name: HistoryObject.name,
    description: "Writes what becomes of rollouts to MySQL.",
    handlers: {
      Record: handlers.object.exclusive(
        { description: "Writes one change of a rollout.", journalRetention: 0 },
        async (ctx: ObjectContext, { entry, revision }: HistoryMessage): Promise<void> => {
          await ctx.run(`write the history: ${entry.rollout.state}`, () => write(entry, revision), {
            initialRetryInterval: 500,
            retryIntervalFactor: 2,
            maxRetryInterval: 15_000,
          });
        },
      ),
    },
    options: { ingressPrivate: true, retryPolicy: RETRY_POLICY },
  });

  async function write(entry: HistoryEntry, revision: number): Promise<void> {
    try {
      await history.record(entry, revision);
    } catch (error) {
      if (error instanceof DatabaseError) {
        const { rolloutId } = entry.rollout;
        logger.warn({ rolloutId, reason: error.message }, "history not written, will be retried");
      }
      throw error;
    }
  }
}
