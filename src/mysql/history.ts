import type { SQL } from "drizzle-orm";
import type { HistoryEntry, RolloutRecord, SentinelOutcome } from "../domain/history-entry.ts";
import { chunks } from "./batches.ts";
import {
  alias,
  and,
  asc,
  count,
  desc,
  eq,
  getTableColumns,
  gt,
  inArray,
  lt,
  notExists,
  or,
  sql,
} from "./drizzle.ts";
import { outcomeRowOf, rowOf, unlessNewer } from "./history-rows.ts";
import { outcomes, rollouts } from "./history-schema.ts";
import { type Database, execute } from "./pool.ts";

/** Times are unix milliseconds. */
export interface PastRollout {
  id: string;
  image: string;
  /** What admission has made of it; null where nothing is known of that. */
  rewrittenTo: string | null;
  /** Null where it is not known, as is the invocation. */
  startedBy: string | null;
  invocationId: string | null;
  state: RolloutRecord["state"];
  /** 1-based. */
  wave: number;
  waves: number;
  /** A JSON list of numbers. */
  waveSizes: string;
  total: number;
  succeeded: number;
  failed: number;
  skipped: number;
  reverted: number;
  /** Why it was paused last. */
  pauseReason: string | null;
  startedAt: number;
  endedAt: number | null;
  updatedAt: number;
}

export interface PastOutcome {
  sentinelId: string;
  wave: number;
  outcome: SentinelOutcome;
  reason: string | null;
  durationMs: number | null;
  recordedAt: number;
}

/** Every statement about past rollouts. All of them throw DatabaseError. */
export interface HistoryStore {
  /**
   * Adds a change of a rollout. Written again it changes nothing, and an older revision never replaces a newer one.
   * @param revision grows with every change of the rollout
   */
  record(entry: HistoryEntry, revision: number): Promise<void>;
  /** The newest first; those that come after a place among them, which need not be there any more. */
  rollouts(limit: number, after?: Pick<PastRollout, "startedAt" | "id">): Promise<PastRollout[]>;
  countRollouts(): Promise<number>;
  rollout(id: string): Promise<PastRollout | undefined>;
  /** Of one rollout: failed ones first, then skipped, reverted, succeeded; by id. `after` need not be there any more. */
  outcomes(
    rolloutId: string,
    limit: number,
    after?: Pick<PastOutcome, "outcome" | "sentinelId">,
  ): Promise<PastOutcome[]>;
  countOutcomes(rolloutId: string): Promise<number>;
  /** Who failed in a rollout and has not come up in it since, and why; by id. */
  failures(rolloutId: string, limit: number): Promise<{ id: string; reason: string }[]>;
}

/** In the order in which people want to see them. */
export const OUTCOMES: readonly SentinelOutcome[] = outcomes.outcome.enumValues;

const { revision: _revision, ...rolloutColumns } = getTableColumns(rollouts);
const { rolloutId: _rolloutId, ...outcomeColumns } = getTableColumns(outcomes);

export function createHistoryStore(db: Database): HistoryStore {
  return {
    async record(entry, revision) {
      await execute(
        db.insert(rollouts).values(rowOf(entry, revision)).onDuplicateKeyUpdate({ set: unlessNewer() }),
      );
      const { rolloutId } = entry.rollout;
      for (const chunk of chunks(entry.outcomes)) {
        await execute(
          db
            .insert(outcomes)
            .values(chunk.map((outcome) => outcomeRowOf(rolloutId, outcome, entry.atMs)))
            // Nothing, but not IGNORE: that would swallow other errors too.
            .onDuplicateKeyUpdate({ set: { wave: sql`${outcomes.wave}` } }),
        );
      }
    },

    rollouts: (limit, after) =>
      execute(
        db
          .select(rolloutColumns)
          .from(rollouts)
          .where(
            after &&
              or(
                lt(rollouts.startedAt, after.startedAt),
                and(eq(rollouts.startedAt, after.startedAt), lt(rollouts.id, after.id)),
              ),
          )
          .orderBy(desc(rollouts.startedAt), desc(rollouts.id))
          .limit(limit),
      ),

    countRollouts: () => counted(db.select({ all: count() }).from(rollouts)),

    async rollout(id) {
      const rows = await execute(db.select(rolloutColumns).from(rollouts).where(eq(rollouts.id, id)));
      // The comparison of the column overlooks spaces at the end.
      return rows.find((row) => row.id === id);
    },

    outcomes: (rolloutId, limit, after) =>
      execute(
        db
          .select(outcomeColumns)
          .from(outcomes)
          .where(and(eq(outcomes.rolloutId, rolloutId), after && behind(after)))
          .orderBy(asc(outcomes.outcome), asc(outcomes.sentinelId))
          .limit(limit),
      ),

    countOutcomes: (rolloutId) =>
      counted(db.select({ all: count() }).from(outcomes).where(eq(outcomes.rolloutId, rolloutId))),

    async failures(rolloutId, limit) {
      const came = alias(outcomes, "came");
      const cameUp = db
        .select({ one: sql`1` })
        .from(came)
        .where(
          and(
            eq(came.rolloutId, rolloutId),
            eq(came.outcome, "succeeded"),
            eq(came.sentinelId, outcomes.sentinelId),
          ),
        );
      const rows = await execute(
        db
          .select({ id: outcomes.sentinelId, reason: outcomes.reason })
          .from(outcomes)
          .where(and(eq(outcomes.rolloutId, rolloutId), eq(outcomes.outcome, "failed"), notExists(cameUp)))
          .orderBy(asc(outcomes.sentinelId))
          .limit(limit),
      );
      return rows.map(({ id, reason }) => ({ id, reason: reason ?? "" }));
    },
  };
}

async function counted(query: PromiseLike<{ all: number }[]>): Promise<number> {
  const [row] = await execute(query);
  return row?.all ?? 0;
}

/** An enum is sorted by its place in the list, but compared as a text. */
function behind({ outcome, sentinelId }: Pick<PastOutcome, "outcome" | "sentinelId">): SQL | undefined {
  const later = OUTCOMES.slice(OUTCOMES.indexOf(outcome) + 1);
  const ofThis = and(eq(outcomes.outcome, outcome), gt(outcomes.sentinelId, sentinelId));
  return later.length === 0 ? ofThis : or(ofThis, inArray(outcomes.outcome, [...later]));
}
