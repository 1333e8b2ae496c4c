import { readFile } from "node:fs/promises";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HistoryEntry, OutcomeRecord } from "../../src/domain/history-entry.ts";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import {
  createHistoryStore,
  type HistoryStore,
  type PastOutcome,
  type PastRollout,
} from "../../src/mysql/history.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { type DatabasePool, openPool } from "../../src/mysql/pool.ts";

let server: Mysql;
let pool: DatabasePool;
let store: HistoryStore;

beforeAll(async () => {
  server = await startMysql({ server: undefined });
  await migrateDatabase(server.url, { withSentinels: true });
  pool = openPool(server.url);
  store = createHistoryStore(pool.db);
});
beforeEach(async () => {
  const connection = await mysql.createConnection({ uri: server.url });
  await connection.query("DELETE FROM sentinel_rollouts");
  await connection.query("DELETE FROM sentinel_rollout_outcomes");
  await connection.end();
});
afterAll(async () => {
  await pool?.close();
  await server?.stop();
});

const START: HistoryEntry["rollout"] = {
  rolloutId: "r1",
  image: "x:2",
  state: "in_progress",
  wave: 1,
  waveSizes: [1, 2],
  total: 3,
  succeeded: 0,
  failed: 0,
  skipped: 0,
  reverted: 0,
  pauseReason: "",
  startedAtMs: 1_700_000_000_000,
};

function entry(
  rollout: Partial<HistoryEntry["rollout"]>,
  outcomes: OutcomeRecord[] = [],
  atMs = 1_700_000_000_100,
): HistoryEntry {
  return { rollout: { ...START, ...rollout }, outcomes, atMs };
}

const first = (id = "r1"): HistoryEntry => {
  return { ...entry({ rolloutId: id }), origin: { invocationId: "inv_1", startedBy: "alice 😀" } };
};
const succeeded = (sentinelId: string, wave = 1): OutcomeRecord => ({
  sentinelId,
  wave,
  outcome: "succeeded",
});

describe("a change of a rollout", () => {
  it("makes its row, and later ones keep what is known of its beginning", async () => {
    await store.record(first(), 1);
    const row = {
      id: "r1",
      image: "x:2",
      rewrittenTo: null,
      startedBy: "alice 😀",
      invocationId: "inv_1",
      state: "in_progress",
      wave: 1,
      waves: 2,
      waveSizes: "[1,2]",
      total: 3,
      succeeded: 0,
      failed: 0,
      skipped: 0,
      reverted: 0,
      pauseReason: null,
      startedAt: START.startedAtMs,
      endedAt: null,
      updatedAt: 1_700_000_000_100,
    };
    expect(await store.rollout("r1")).toEqual(row);
    const end = { state: "cancelled", wave: 2, succeeded: 1, failed: 1, reverted: 1, endedAtMs: 7 } as const;
    await store.record(entry({ state: "paused", pauseReason: "wave 2/2" }), 2);
    await store.record(entry(end, [], 9), 3);
    const { endedAtMs: endedAt, ...counts } = end;
    expect(await store.rollout("r1")).toEqual({
      ...row,
      ...counts,
      endedAt,
      updatedAt: 9,
      pauseReason: "wave 2/2",
    });
    await store.record(entry({ state: "rolling_back", rewrittenTo: "mirror/x:2" }), 4);
    expect(await store.rollout("r1")).toMatchObject({ state: "rolling_back", endedAt: null });
    // What is known of the image stays, too.
    await store.record(entry({ state: "cancelled" }), 5);
    expect(await store.rollout("r1")).toMatchObject({ state: "cancelled", rewrittenTo: "mirror/x:2" });
  });

  it("written twice, or after a newer one, changes nothing", async () => {
    const early = entry({ wave: 1, succeeded: 1 }, [succeeded("a")], 5);
    const late = entry({ state: "completed", wave: 2, succeeded: 3, endedAtMs: 9 }, [succeeded("b", 2)], 9);
    await store.record(early, 2);
    await store.record(late, 3);
    const [row, rows] = [await store.rollout("r1"), await store.outcomes("r1", 10)];
    expect(rows).toHaveLength(2);
    await store.record(late, 3);
    await store.record({ ...early, atMs: 6 }, 2);
    await store.record({ ...first(), atMs: 6 }, 1);
    expect(await store.rollout("r1")).toEqual(row);
    expect(await store.outcomes("r1", 10)).toEqual(rows);
  });

  it("takes as many outcomes as there are, and any text cut to its column", async () => {
    const long = `it's "so": \\ ${"é😀".repeat(600)}`;
    const many = Array.from({ length: 2_500 }, (_, i) => succeeded(`sen_${String(i).padStart(5, "0")}`));
    const broken: OutcomeRecord = { sentinelId: "sen_x", wave: 2, outcome: "failed", reason: long };
    await store.record(
      { ...entry({ pauseReason: long }, [...many, broken]), origin: { invocationId: "i", startedBy: long } },
      1,
    );
    const outcomes = await store.outcomes("r1", 5_000);
    expect(outcomes).toHaveLength(2_501);
    expect(outcomes[0]?.reason?.startsWith(`it's "so": \\ é😀`)).toBe(true);
    const row = await store.rollout("r1");
    for (const text of [outcomes[0]?.reason, row?.pauseReason, row?.startedBy]) {
      expect(text?.length).toBeGreaterThan(200);
      expect(text?.isWellFormed()).toBe(true);
    }
  });
});

describe("the statements of docs/operating.md", () => {
  it("answer what they say", async () => {
    const page = await readFile(new URL("../../docs/operating.md", import.meta.url), "utf8");
    const blocks = [...page.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = ""]) => sql);
    const [queries = ""] = blocks.filter(
      (sql) => sql.includes("sentinel_rollouts") || sql.includes("_outcomes"),
    );
    const broken = (): OutcomeRecord => ({ sentinelId: "a", wave: 1, outcome: "failed", reason: "no" });
    await store.record(entry({ rolloutId: "old" }, [broken()]), 1);
    await store.record(
      entry({ startedAtMs: Date.now() }, [broken(), { ...succeeded("b", 2), durationMs: 1_500 }]),
      1,
    );
    const connection = await mysql.createConnection({ uri: server.url, multipleStatements: true });
    const [[again, took]] = (await connection.query(queries.replace("<rollout id>", "r1"))) as unknown as [
      [object[], object[]],
    ];
    expect(again).toEqual([{ sentinel_id: "a", failures: 2, a_reason: "no" }]);
    expect(took).toMatchObject([{ wave: 2, avg_s: "1.50000000" }]);
    await connection.end();
  });
});

describe("reading", () => {
  it("gives the last rollouts, the newest first, and one by its exact id only", async () => {
    for (const [at, id] of ["r1", "r2", "r3"].entries()) {
      await store.record(entry({ rolloutId: id, startedAtMs: at }), 1);
    }
    expect((await store.rollouts(2)).map(({ id }) => id)).toEqual(["r3", "r2"]);
    for (const id of ["R1", "r1 ", "r9", ""]) expect(await store.rollout(id)).toBeUndefined();
    expect(await store.outcomes("r1", 20)).toEqual([]);
  });

  it("goes on after any of them, and counts them all, also those that began at one moment", async () => {
    const order = ["r7", "r6", "r5", "r4", "r3", "r2", "r1"];
    for (const [at, id] of order.toReversed().entries()) {
      await store.record(entry({ rolloutId: id, startedAtMs: Math.floor(at / 3) }), 1);
    }
    expect(await store.countRollouts()).toBe(7);
    const told: string[] = [];
    for (let after: PastRollout | undefined; ; ) {
      const page = await store.rollouts(2, after);
      if (page.length === 0) break;
      told.push(...page.map(({ id }) => id));
      after = page.at(-1);
    }
    expect(told).toEqual(order);
  });

  it("goes on after any outcome of a rollout, and counts them all", async () => {
    const all = (["failed", "skipped", "reverted", "succeeded"] as const).flatMap((outcome) =>
      ["a", "b", "c"].map((sentinelId): OutcomeRecord => ({ sentinelId, wave: 1, outcome })),
    );
    await store.record(entry({}, all.toReversed()), 1);
    await store.record(entry({ rolloutId: "r2" }, [succeeded("x")]), 1);
    expect(await store.countOutcomes("r1")).toBe(12);
    for (const size of [1, 2, 5, 12]) {
      const told: string[] = [];
      for (let after: PastOutcome | undefined; ; ) {
        const page = await store.outcomes("r1", size, after);
        if (page.length === 0) break;
        told.push(...page.map(({ outcome, sentinelId }) => `${outcome} ${sentinelId}`));
        after = page.at(-1);
      }
      expect(told).toEqual(all.map(({ outcome, sentinelId }) => `${outcome} ${sentinelId}`));
    }
  });

  it("gives the outcomes of one rollout, failed ones first, then by id", async () => {
    await store.record(
      entry({}, [
        succeeded("b"),
        succeeded("a"),
        { sentinelId: "b", wave: 1, outcome: "reverted" },
        { sentinelId: "d", wave: 2, outcome: "skipped", reason: "gone" },
        { sentinelId: "z", wave: 2, outcome: "failed", reason: "no", durationMs: 12 },
      ]),
      1,
    );
    await store.record(entry({ rolloutId: "r2" }, [succeeded("a")]), 1);
    const all = await store.outcomes("r1", 20);
    expect(all.map(({ outcome, sentinelId }) => `${outcome} ${sentinelId}`)).toEqual([
      "failed z",
      "skipped d",
      "reverted b",
      "succeeded a",
      "succeeded b",
    ]);
    expect(all[0]).toEqual({
      sentinelId: "z",
      wave: 2,
      outcome: "failed",
      reason: "no",
      durationMs: 12,
      recordedAt: 1_700_000_000_100,
    });
    expect(await store.outcomes("r1", 1)).toHaveLength(1);
  });
});
