import { execa } from "execa";
import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import {
  DELETE_ACTIONS,
  DELETE_LOOSE_ACTIONS,
  DELETE_OUTCOMES,
  DELETE_ROLLOUT,
  OLD_ROLLOUTS,
  pruneHistory,
} from "../../src/mysql/prune.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();
let server: Mysql;
let connection: Connection;

beforeAll(async () => {
  server = await startMysql({ server: undefined });
  await migrateDatabase(server.url, { withSentinels: true });
  connection = await mysql.createConnection(server.url);
});
afterAll(async () => {
  connection?.destroy();
  await server?.stop();
});
beforeEach(async () => {
  await connection.query("DELETE FROM sentinel_rollouts");
  await connection.query("DELETE FROM sentinel_rollout_outcomes");
  await connection.query("DELETE FROM sentinel_rollout_actions");
});

/** A rollout of so many sentinels that began so many days ago. */
async function rollout(id: string, daysAgo: number, state: string, outcomes: number): Promise<void> {
  const at = NOW_MS - daysAgo * DAY_MS;
  await connection.query(
    `INSERT INTO sentinel_rollouts (id, image, state, wave, waves, wave_sizes, total, succeeded, failed, skipped, reverted,
      started_at, updated_at, revision) VALUES (?, 'x:1', ?, 1, 1, '[1]', 1, 1, 0, 0, 0, ?, ?, 1)`,
    [id, state, at, at],
  );
  const rows = Array.from({ length: outcomes }, (_, i) => [id, "succeeded", `sen_${i}`, 1, at]);
  if (rows.length === 0) return;
  await connection.query(
    "INSERT INTO sentinel_rollout_outcomes (rollout_id, outcome, sentinel_id, wave, recorded_at) VALUES ?",
    [rows],
  );
}

/** So many verbs that were called so many days ago, about a rollout or before there was one. */
async function actions(rolloutId: string | null, daysAgo: number, count: number): Promise<void> {
  const at = NOW_MS - daysAgo * DAY_MS;
  const rows = Array.from({ length: count }, (_, i) => [
    `${rolloutId} ${daysAgo} ${i}`,
    "Cancel",
    rolloutId,
    at,
  ]);
  await connection.query("INSERT INTO sentinel_rollout_actions (id, verb, rollout_id, asked_at) VALUES ?", [
    rows,
  ]);
}

async function actionsLeft(): Promise<unknown> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SELECT rollout_id, count(*) AS n FROM sentinel_rollout_actions GROUP BY rollout_id ORDER BY rollout_id",
  );
  return Object.fromEntries(rows.map(({ rollout_id, n }) => [String(rollout_id), Number(n)]));
}

async function left(): Promise<unknown> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT id, (SELECT count(*) FROM sentinel_rollout_outcomes WHERE rollout_id = id) AS outcomes
      FROM sentinel_rollouts ORDER BY id`,
  );
  return Object.fromEntries(rows.map(({ id, outcomes }) => [id, Number(outcomes)]));
}

it("deletes rollouts that are old and over, with all their outcomes, and nothing else", async () => {
  await rollout("old-1", 91, "completed", 2_500);
  await rollout("old-2", 100, "cancelled", 1_000);
  await rollout("old-3", 100, "completed", 0);
  await rollout("old-paused", 120, "paused", 7);
  await rollout("old-running", 120, "in_progress", 7);
  await rollout("old-reverting", 120, "rolling_back", 7);
  await rollout("new", 89, "completed", 5);
  await actions("old-1", 91, 1_500);
  await actions("old-paused", 120, 7);
  await actions("new", 89, 3);
  await actions(null, 91, 2_000);
  await actions(null, 89, 2);
  expect(await pruneHistory(connection, NOW_MS - 90 * DAY_MS)).toEqual({
    rollouts: 3,
    outcomes: 3_500,
    actions: 3_500,
  });
  expect(await actionsLeft()).toEqual({ null: 2, new: 3, "old-paused": 7 });
  const rest = { new: 5, "old-paused": 7, "old-reverting": 7, "old-running": 7 };
  expect(await left()).toEqual(rest);
  expect(await pruneHistory(connection, NOW_MS - 90 * DAY_MS)).toEqual({
    rollouts: 0,
    outcomes: 0,
    actions: 0,
  });
});

it("never deletes more than 1,000 rows in a statement, and finds them by a key", async () => {
  for (let i = 0; i < 300; i++) {
    await rollout(`r_${i}`, i, "completed", 40);
    await actions(`r_${i}`, i, 4);
    await actions(null, i, 4);
  }
  await connection.query(
    "ANALYZE TABLE sentinel_rollouts, sentinel_rollout_outcomes, sentinel_rollout_actions",
  );
  for (const [sql, value] of [
    [OLD_ROLLOUTS, NOW_MS - 290 * DAY_MS],
    [DELETE_OUTCOMES, "r_299"],
    [DELETE_ACTIONS, "r_299"],
    [DELETE_LOOSE_ACTIONS, NOW_MS - 290 * DAY_MS],
    [DELETE_ROLLOUT, "r_299"],
  ] as const) {
    expect(sql).toMatch(/ LIMIT 1?[01]00+$| WHERE id = \?$/);
    const [plan] = await connection.query<RowDataPacket[]>(`EXPLAIN ${sql}`, [value]);
    for (const step of plan)
      expect(step).toMatchObject({ key: expect.any(String), type: expect.not.stringMatching(/all/i) });
  }
  expect(await pruneHistory(connection, NOW_MS - 90 * DAY_MS - 1)).toEqual({
    rollouts: 209,
    outcomes: 8_360,
    actions: 2 * 836,
  });
});

it("is a command", async () => {
  await rollout("old", 91, "completed", 3);
  const prune = (...args: string[]) =>
    execa(process.execPath, ["src/mysql/prune.ts", ...args], {
      env: { DATABASE_URL: server.url },
      reject: false,
    });
  for (const wrong of [[], ["--older-than", "90"], ["--older-than", "0d"], ["--older-than=-1d"], ["--all"]]) {
    expect(await prune(...wrong)).toMatchObject({ exitCode: 1, stdout: "" });
  }
  expect(await left()).toEqual({ old: 3 });
  const done = await prune("--older-than", "90d");
  expect(done).toMatchObject({
    exitCode: 0,
    stdout: "1 rollouts, 3 outcomes and 0 actions deleted",
    stderr: "",
  });
  expect(await left()).toEqual({});
});
