import { bigint, index, int, mysqlEnum, mysqlTable, primaryKey, varchar } from "./drizzle.ts";

/** One row a rollout. Written by this service alone; times are unix milliseconds. */
export const rollouts = mysqlTable(
  "sentinel_rollouts",
  {
    id: varchar("id", { length: 64 }).primaryKey(),
    image: varchar("image", { length: 255 }).notNull(),
    // What a cluster's admission has made of it; null where nothing is known of that.
    rewrittenTo: varchar("rewritten_to", { length: 255 }),

    // Who began it; null where that is not known.
    startedBy: varchar("started_by", { length: 255 }),
    invocationId: varchar("invocation_id", { length: 64 }),

    // Where it stands
    state: mysqlEnum("state", ["in_progress", "paused", "cancelled", "completed", "rolling_back"]).notNull(),
    wave: int("wave").notNull(),
    waves: int("waves").notNull(),
    waveSizes: varchar("wave_sizes", { length: 1024 }).notNull(),
    total: int("total").notNull(),
    succeeded: int("succeeded").notNull(),
    failed: int("failed").notNull(),
    skipped: int("skipped").notNull(),
    reverted: int("reverted").notNull(),
    pauseReason: varchar("pause_reason", { length: 1024 }),

    startedAt: bigint("started_at", { mode: "number" }).notNull(),
    endedAt: bigint("ended_at", { mode: "number" }),
    updatedAt: bigint("updated_at", { mode: "number" }).notNull(),
    // Last: an upsert assigns column by column, and compares with it before it assigns it.
    revision: bigint("revision", { mode: "number" }).notNull(),
  },
  (table) => [index("sentinel_rollouts_started_at").on(table.startedAt)],
);

/** One row for each thing that became of a sentinel in a rollout: never changed. */
export const outcomes = mysqlTable(
  "sentinel_rollout_outcomes",
  {
    rolloutId: varchar("rollout_id", { length: 64 }).notNull(),
    // In the order in which people want to see them.
    outcome: mysqlEnum("outcome", ["failed", "skipped", "reverted", "succeeded"]).notNull(),
    sentinelId: varchar("sentinel_id", { length: 64 }).notNull(),
    wave: int("wave").notNull(),
    reason: varchar("reason", { length: 1024 }),
    durationMs: bigint("duration_ms", { mode: "number" }),
    recordedAt: bigint("recorded_at", { mode: "number" }).notNull(),
  },
  (table) => [
    primaryKey({
      name: "sentinel_rollout_outcomes_pk",
      columns: [table.rolloutId, table.outcome, table.sentinelId],
    }),
    index("sentinel_rollout_outcomes_sentinel_id").on(table.sentinelId, table.recordedAt),
  ],
);

/** One row for each verb that was to change something, refused ones included: never changed. */
export const actions = mysqlTable(
  "sentinel_rollout_actions",
  {
    // Of the call: it is written once, however often it is told.
    id: varchar("id", { length: 64 }).primaryKey(),
    verb: varchar("verb", { length: 32 }).notNull(),
    // Null where the caller did not say.
    operator: varchar("operator", { length: 255 }),
    comment: varchar("comment", { length: 1024 }),
    // The one that it was about, or that was there.
    rolloutId: varchar("rollout_id", { length: 64 }),
    // Texts: a later version has more of them than this one knows.
    fromState: varchar("from_state", { length: 32 }),
    toState: varchar("to_state", { length: 32 }),
    refused: varchar("refused", { length: 1024 }),
    askedAt: bigint("asked_at", { mode: "number" }).notNull(),
  },
  (table) => [
    index("sentinel_rollout_actions_asked_at").on(table.askedAt),
    index("sentinel_rollout_actions_rollout_id").on(table.rolloutId, table.askedAt),
  ],
);
