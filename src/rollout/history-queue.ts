import { handlers, type ObjectContext, object } from "@restatedev/restate-sdk";
import type { Action } from "../domain/action.ts";
import type { HistoryEntry } from "../domain/history-entry.ts";
import type { Logger } from "../log.ts";
import type { WorkMetrics } from "../metrics/work.ts";
import type { ActionStore } from "../mysql/actions.ts";
import type { HistoryStore } from "../mysql/history.ts";
import { DatabaseError } from "../mysql/pool.ts";
import { type HistoryMessage, HistoryObject, RETRY_POLICY } from "../restate/contract.ts";

export interface HistoryQueueOptions {
  history: Pick<HistoryStore, "record">;
  actions: Pick<ActionStore, "recordAction">;
  logger: Logger;
  metrics: Pick<WorkMetrics, "acted">;
}

/** A write that failed is tried again, for as long as it takes. */
const RETRIES = { initialRetryInterval: 500, retryIntervalFactor: 2, maxRetryInterval: 15_000 };

/**
 * A queue for each rollout that writes its changes to MySQL, and one for what operators do: in order, retried for as long as it
 * takes, while the rollout goes on.
 */
export function createHistoryQueue({ history, actions, logger, metrics }: HistoryQueueOptions) {
  return object({
    name: HistoryObject.name,
    description: "Writes what becomes of rollouts to MySQL.",
    handlers: {
      Record: handlers.object.exclusive(
        { description: "Writes one change of a rollout.", journalRetention: 0 },
        async (ctx: ObjectContext, { entry, revision }: HistoryMessage): Promise<void> => {
          await ctx.run(`write the history: ${entry.rollout.state}`, () => write(entry, revision), RETRIES);
        },
      ),
      RecordAction: handlers.object.exclusive(
        { description: "Writes what an operator has done.", journalRetention: 0 },
        async (ctx: ObjectContext, action: Action): Promise<void> => {
          await ctx.run("log it", () => note(action));
          await ctx.run(`write the action: ${action.verb}`, () => keep(action), RETRIES);
        },
      ),
    },
    options: { ingressPrivate: true, retryPolicy: RETRY_POLICY },
  });

  function write(entry: HistoryEntry, revision: number): Promise<void> {
    return attempt(history.record(entry, revision), entry.rollout.rolloutId);
  }

  function keep(action: Action): Promise<void> {
    return attempt(actions.recordAction(action), action.rolloutId);
  }

  async function attempt(writing: Promise<void>, rolloutId: string | undefined): Promise<void> {
    try {
      await writing;
    } catch (error) {
      if (error instanceof DatabaseError) {
        logger.warn({ rolloutId, reason: error.message }, "history not written, will be retried");
      }
      throw error;
    }
  }

  function note({ id, atMs, ...action }: Action): void {
    const taken = action.refused === undefined;
    metrics.acted(action.verb, taken);
    const about = { invocationId: id, askedAt: new Date(atMs).toISOString(), ...action };
    logger.info(about, taken ? "verb taken" : "verb refused");
  }
}
