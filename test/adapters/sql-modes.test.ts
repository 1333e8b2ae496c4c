import { randomUUID } from "node:crypto";
import mysql, { type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { createActionStore } from "../../src/mysql/actions.ts";
import { createHistoryStore } from "../../src/mysql/history.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { openPool } from "../../src/mysql/pool.ts";
import { createSentinelStore } from "../../src/mysql/sentinels.ts";
import { insertSentinels } from "../support/sentinel-rows.ts";

const MODES = [
  "",
  "NO_BACKSLASH_ESCAPES",
  "STRICT_ALL_TABLES,ANSI,NO_BACKSLASH_ESCAPES",
  "TRADITIONAL,ANSI_QUOTES",
];

/** Any text of a pod, a caller or a Deployment may have it. */
const HOSTILE = [
  "', image = 'evil:1' -- ",
  "\\', image = 'evil:1' -- ",
  "\\\\', image = 'evil:1' -- ",
  "'' , image = 'evil:1' -- ",
  '", image = "evil:1" -- ',
  "\u0000\b\t\n\r\u001a'\"\\%_",
  "C:\\new\\table",
  "é😀'\\",
  "\\",
  "0x27",
];

let server: Mysql;
beforeAll(async () => {
  server = await startMysql({ server: undefined });
  await migrateDatabase(server.url, { withSentinels: true });
});
afterAll(() => server?.stop());

async function sql(statement: string, values: unknown[] = []): Promise<RowDataPacket[]> {
  const connection = await mysql.createConnection({ uri: server.url });
  try {
    return (await connection.query<RowDataPacket[]>(statement, values))[0];
  } finally {
    connection.destroy();
  }
}

describe.each(MODES)("with the server's sql_mode '%s'", (mode) => {
  beforeEach(async () => {
    await sql("SET GLOBAL sql_mode = ''");
    await sql("DELETE FROM sentinels");
    await sql("DELETE FROM sentinel_rollout_outcomes");
    await insertSentinels(server.url, [{ id: "sen_a" }, { id: "sen_b" }, { id: "sen_c" }]);
    await sql(`SET GLOBAL sql_mode = '${mode}'`);
  });

  it.each(HOSTILE)("%j is a text like any other", async (text) => {
    const pool = openPool(server.url);
    try {
      const store = createSentinelStore(pool.db);
      // Together: that is one statement.
      await Promise.all([
        store.settle("sen_a", { status: "failed", reason: text }, { fence: [null], atMs: 1 }),
        store.settle("sen_b", { status: "failed", reason: `${text}2` }, { fence: [null], atMs: 2 }),
      ]);
      await store.observe([
        { id: "sen_b", observed: { health: "healthy", availableReplicas: 1, runningImage: text } },
      ]);
      expect(await store.read(text)).toBeUndefined();
      expect(await store.read("sen_a")).toMatchObject({ image: "x:v1", deployError: text });
      expect(await store.read("sen_b")).toMatchObject({
        image: "x:v1",
        deployError: `${text}2`,
        runningImage: text,
      });
      expect(await store.read("sen_c")).toMatchObject({
        image: "x:v1",
        deployStatus: "idle",
        runningImage: "",
      });
      const history = createHistoryStore(pool.db);
      const rollout = {
        rolloutId: "r1",
        image: "x:2",
        state: "paused",
        wave: 1,
        waveSizes: [1],
        total: 1,
        succeeded: 0,
        failed: 1,
        skipped: 0,
        reverted: 0,
        pauseReason: text,
        startedAtMs: 1,
      } as const;
      const outcomes = [{ sentinelId: "sen_a", wave: 1, outcome: "failed", reason: text }] as const;
      await history.record({ rollout: { ...rollout, waveSizes: [1] }, outcomes: [...outcomes], atMs: 1 }, 1);
      const actions = createActionStore(pool.db);
      const id = randomUUID();
      await actions.recordAction({ id, verb: "Cancel", comment: text, refused: text, atMs: 1 });
      expect(await actions.action(id)).toMatchObject({ comment: text, refused: text });
      expect(await history.outcomes("r1", 5)).toMatchObject([{ sentinelId: "sen_a", reason: text }]);
    } finally {
      await pool.close();
    }
  });
});
