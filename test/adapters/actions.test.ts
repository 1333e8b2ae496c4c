import { readFile } from "node:fs/promises";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Action } from "../../src/domain/action.ts";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { type ActionStore, createActionStore, type PastAction } from "../../src/mysql/actions.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { type DatabasePool, openPool } from "../../src/mysql/pool.ts";

let server: Mysql;
let pool: DatabasePool;
let store: ActionStore;

beforeAll(async () => {
  server = await startMysql({ server: undefined });
  await migrateDatabase(server.url, { withSentinels: true });
  pool = openPool(server.url);
  store = createActionStore(pool.db);
});
beforeEach(async () => {
  const connection = await mysql.createConnection({ uri: server.url });
  await connection.query("DELETE FROM sentinel_rollout_actions");
  await connection.end();
});
afterAll(async () => {
  await pool?.close();
  await server?.stop();
});

function action(id: string, more: Partial<Action> = {}): Action {
  return { id, verb: "Cancel", from: "paused", to: "cancelled", atMs: 5, ...more };
}

describe("an action", () => {
  it("is kept as it was told first, however often it is told", async () => {
    await store.recordAction(
      action("inv_1", { operator: "alice 😀", comment: "it's late", rolloutId: "r1" }),
    );
    const row = {
      id: "inv_1",
      verb: "Cancel",
      operator: "alice 😀",
      comment: "it's late",
      rolloutId: "r1",
      fromState: "paused",
      toState: "cancelled",
      refused: null,
      askedAt: 5,
    };
    expect(await store.action("inv_1")).toEqual(row);
    await store.recordAction({ id: "inv_1", verb: "Cancel", refused: "killed", atMs: 9 });
    expect(await store.actions(10)).toEqual([row]);
    for (const id of ["INV_1", "inv_1 ", "inv_9", ""]) expect(await store.action(id)).toBeUndefined();
  });

  it("takes any text, cut to its column", async () => {
    const long = `it's "so": \\ ${"é😀".repeat(600)}`;
    await store.recordAction(action("inv_1", { operator: long, comment: long, refused: long }));
    const [row] = await store.actions(1);
    for (const text of [row?.operator, row?.comment, row?.refused]) {
      expect(text?.startsWith(`it's "so": \\ é😀`)).toBe(true);
      expect(text?.isWellFormed()).toBe(true);
    }
  });
});

describe("the statement of docs/operating.md", () => {
  it("tells who was refused what", async () => {
    const page = await readFile(new URL("../../docs/operating.md", import.meta.url), "utf8");
    const [, sql = ""] = /```sql\n(-- Who was refused.*?)```/s.exec(page) ?? [];
    const atMs = Date.now() - 1_000;
    await store.recordAction(action("taken", { atMs }));
    await store.recordAction({
      id: "old",
      verb: "Cancel",
      refused: "not legal",
      atMs: atMs - 2 * 86_400_000,
    });
    await store.recordAction({ id: "new", verb: "Cancel", operator: "bob", refused: "not legal", atMs });
    const connection = await mysql.createConnection({ uri: server.url });
    const [rows] = await connection.query(sql);
    await connection.end();
    expect(rows).toMatchObject([{ operator: "bob", verb: "Cancel", refused: "not legal" }]);
  });
});

describe("reading", () => {
  it("goes on after any of them, of one rollout or of all, also those of one moment", async () => {
    const ids = ["i1", "i2", "i3", "i4", "i5", "i6", "i7"];
    for (const [at, id] of ids.entries()) {
      const about = at % 2 === 0 ? { rolloutId: "r1" } : at === 1 ? {} : { rolloutId: "r2" };
      await store.recordAction(action(id, { ...about, atMs: Math.floor(at / 3) }));
    }
    for (const [rolloutId, wanted] of [
      [undefined, ids.toReversed()],
      ["r1", ["i7", "i5", "i3", "i1"]],
      ["r9", []],
    ] as const) {
      for (const size of [1, 2, 7]) {
        const told: string[] = [];
        for (let after: PastAction | undefined; ; ) {
          const page = await store.actions(size, { rolloutId, after });
          if (page.length === 0) break;
          told.push(...page.map(({ id }) => id));
          after = page.at(-1);
        }
        expect(told).toEqual(wanted);
      }
    }
  });
});
