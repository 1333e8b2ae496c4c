import type { SQL } from "drizzle-orm";
import type { MySqlColumn } from "drizzle-orm/mysql-core";
import type { HistoryEntry, OutcomeRecord, RolloutRecord, SentinelOutcome } from "../domain/history.ts";
import { chunks } from "./batches.ts";
import { asc, desc, eq, getTableColumns, sql } from "./drizzle.ts";
import { outcomes, rollouts } from "./history-schema.ts";
import { type Database, settled } from "./pool.ts";

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
  /** The newest first. */
  rollouts(limit: number): Promise<PastRollout[]>;
  rollout(id: string): Promise<PastRollout | undefined>;
  /** Of one rollout: failed ones first, then skipped, reverted, succeeded; by id. */
  outcomes(rolloutId: string, limit: number): Promise<PastOutcome[]>;
}

/** Lengths of columns. */
const TEXT_LENGTH = 1_024;
const STARTED_BY_LENGTH = 255;
const IMAGE_LENGTH = 255;

const { revision: _revision, ...rolloutColumns } = getTableColumns(rollouts);
const { rolloutId: _rolloutId, ...outcomeColumns } = getTableColumns(outcomes);

export function createHistoryStore(db: Database): HistoryStore {
  return {
    async record(entry, revision) {
      await settled(
        db.insert(rollouts).values(rowOf(entry, revision)).onDuplicateKeyUpdate({ set: unlessNewer() }),
      );
      const { rolloutId } = entry.rollout;
      for (const chunk of chunks(entry.outcomes)) {
        await settled(
          db
            .insert(outcomes)
            .values(chunk.map((outcome) => outcomeRowOf(rolloutId, outcome, entry.atMs)))
            // Nothing, but not IGNORE: that would swallow other errors too.
            .onDuplicateKeyUpdate({ set: { wave: sql`${outcomes.wave}` } }),
        );
      }
    },

    rollouts: (limit) =>
      settled(
        db
          .select(rolloutColumns)
          .from(rollouts)
          .orderBy(desc(rollouts.startedAt), desc(rollouts.id))
          .limit(limit),
      ),

    async rollout(id) {
      const rows = await settled(db.select(rolloutColumns).from(rollouts).where(eq(rollouts.id, id)));
      // The comparison of the column overlooks spaces at the end.
      return rows.find((row) => row.id === id);
    },

    outcomes: (rolloutId, limit) =>
      settled(
        db
          .select(outcomeColumns)
          .from(outcomes)
          .where(eq(outcomes.rolloutId, rolloutId))
          .orderBy(asc(outcomes.outcome), asc(outcomes.sentinelId))
          .limit(limit),
      ),
  };
}

function rowOf({ rollout, origin, atMs }: HistoryEntry, revision: number) {
  return {
    id: rollout.rolloutId,
    image: rollout.image,
    rewrittenTo: fitting(rollout.rewrittenTo, IMAGE_LENGTH),
    startedBy: fitting(origin?.startedBy, STARTED_BY_LENGTH),
    invocationId: origin?.invocationId ?? null,
    state: rollout.state,
    wave: rollout.wave,
    waves: rollout.waveSizes.length,
    waveSizes: JSON.stringify(rollout.waveSizes),
    total: rollout.total,
    succeeded: rollout.succeeded,
    failed: rollout.failed,
    skipped: rollout.skipped,
    reverted: rollout.reverted,
    pauseReason: fitting(rollout.pauseReason || undefined, TEXT_LENGTH),
    startedAt: rollout.startedAtMs,
    endedAt: rollout.endedAtMs ?? null,
    updatedAt: atMs,
    revision,
  };
}

function outcomeRowOf(rolloutId: string, outcome: OutcomeRecord, recordedAt: number) {
  return {
    rolloutId,
    outcome: outcome.outcome,
    sentinelId: outcome.sentinelId,
    wave: outcome.wave,
    reason: fitting(outcome.reason, TEXT_LENGTH),
    durationMs: outcome.durationMs ?? null,
    recordedAt,
  };
}

/** Who began the rollout stays as it was first written, and why it was paused until it is paused again. */
function unlessNewer() {
  const {
    rewrittenTo,
    waveSizes,
    total,
    state,
    wave,
    succeeded,
    failed,
    skipped,
    reverted,
    pauseReason,
    endedAt,
    updatedAt,
    revision,
  } = rollouts;
  return {
    rewrittenTo: ifNotOlder(rewrittenTo, sql`coalesce(${given(rewrittenTo)}, ${rewrittenTo})`),
    state: ifNotOlder(state),
    wave: ifNotOlder(wave),
    waveSizes: ifNotOlder(waveSizes),
    total: ifNotOlder(total),
    succeeded: ifNotOlder(succeeded),
    failed: ifNotOlder(failed),
    skipped: ifNotOlder(skipped),
    reverted: ifNotOlder(reverted),
    pauseReason: ifNotOlder(pauseReason, sql`coalesce(${given(pauseReason)}, ${pauseReason})`),
    endedAt: ifNotOlder(endedAt),
    updatedAt: ifNotOlder(updatedAt),
    revision: sql`greatest(${given(revision)}, ${revision})`,
  };
}

function ifNotOlder(column: MySqlColumn, value: SQL = given(column)): SQL {
  return sql`if(${given(rollouts.revision)} >= ${rollouts.revision}, ${value}, ${column})`;
}

/** The value that the INSERT would have written. Row aliases, which replace it in MySQL, are unknown to MariaDB. */
function given(column: MySqlColumn): SQL {
  return sql`values(${sql.identifier(column.name)})`;
}

/** Cut to its column; an emoji that is cut in two must not make it an invalid text. */
function fitting(text: string | undefined, length: number): string | null {
  return text === undefined ? null : text.slice(0, length).toWellFormed();
}
