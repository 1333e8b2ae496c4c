import type { SQL } from "drizzle-orm";
import type { MySqlColumn } from "drizzle-orm/mysql-core";
import type { HistoryEntry, OutcomeRecord } from "../domain/history-entry.ts";
import { sql } from "./drizzle.ts";
import { rollouts } from "./history-schema.ts";
import { fitting } from "./literals.ts";

/** Lengths of columns. */
const TEXT_LENGTH = 1_024;
const STARTED_BY_LENGTH = 255;
const IMAGE_LENGTH = 255;

export function rowOf({ rollout, origin, atMs }: HistoryEntry, revision: number) {
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

export function outcomeRowOf(rolloutId: string, outcome: OutcomeRecord, recordedAt: number) {
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
export function unlessNewer() {
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
