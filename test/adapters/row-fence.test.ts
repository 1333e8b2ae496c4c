import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { type Fence, laterThan } from "../../src/mysql/fence.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { type DatabasePool, openPool } from "../../src/mysql/pool.ts";
import type { FencedWrite } from "../../src/mysql/row.ts";
import { createSentinelStore, type SentinelStore } from "../../src/mysql/sentinels.ts";
import { insertSentinels } from "../support/sentinel-rows.ts";
import { until } from "../support/until.ts";

const DESIRED = { image: "x:2", cpuMillicores: 500, memoryMib: 512, desiredReplicas: 3 };
const READY = { status: "ready", observed: { health: "healthy", availableReplicas: 1 } } as const;
const NEVER_WRITTEN: Fence = [null];

let server: Mysql;
let pool: DatabasePool;
let store: SentinelStore;
/** Statements that failed. */
const refused: string[] = [];
/** Somebody else, who holds locks. */
let holder: Connection;

beforeAll(async () => {
  server = await startMysql({ server: undefined });
  await migrateDatabase(server.url, { withSentinels: true });
  pool = openPool(server.url, undefined, (sql, _, ok) => void (ok || refused.push(sql)));
  store = createSentinelStore(pool.db);
  holder = await mysql.createConnection({ uri: server.url });
});
beforeEach(async () => {
  await holder.query("ROLLBACK");
  await holder.query("DELETE FROM sentinels");
});
afterAll(async () => {
  holder?.destroy();
  await pool?.close();
  await server?.stop();
});

async function lock(id: string): Promise<void> {
  await holder.query("BEGIN");
  await holder.query("SELECT pk FROM sentinels WHERE id = ? FOR UPDATE", [id]);
}

describe("a write of a row", () => {
  beforeEach(() => insertSentinels(server.url, [{ id: "sen_a" }, { id: "sen_b", updatedAt: 5 }]));

  it("that was written since finds nothing to write, and says what is there", async () => {
    expect(await store.markProgressing("sen_a", DESIRED, { fence: NEVER_WRITTEN, atMs: 10 })).toEqual({
      written: true,
    });
    const late = [
      store.markProgressing("sen_a", { ...DESIRED, image: "x:bad" }, { fence: NEVER_WRITTEN, atMs: 11 }),
      store.settle("sen_a", { status: "failed", reason: "late" }, { fence: [9, null], atMs: 12 }),
      store.putBack("sen_a", { deployStatus: "idle", deployError: null }, { fence: [8], atMs: 13 }),
      // One that is in time is not held back by them.
      store.settle("sen_b", READY, { fence: [4, 5], atMs: 14 }),
    ];
    const there = { written: false, row: { id: "sen_a", image: "x:2", updatedAtMs: 10 } };
    expect(await Promise.all(late)).toMatchObject([there, there, there, { written: true }]);
    expect(await store.read("sen_a")).toMatchObject({ deployStatus: "progressing", updatedAtMs: 10 });
    expect(await store.read("sen_b")).toMatchObject({ deployStatus: "ready", updatedAtMs: 14 });
    expect(await store.settle("sen_c", READY, { fence: NEVER_WRITTEN, atMs: 1 })).toEqual({ written: false });
  });

  it("whose answer was lost is found done, when it is done again", async () => {
    const write: FencedWrite = { fence: [null, 3], atMs: 10 };
    for (let times = 0; times < 2; times++) {
      expect(await store.markProgressing("sen_a", DESIRED, write)).toEqual({ written: true });
    }
  });

  it("comes after all that it is fenced by, whatever the clock says", () => {
    expect(laterThan([null, 1_000], 5)).toBe(1_001);
    expect(laterThan([null], 5)).toBe(5);
    expect(laterThan([4, 5], 6)).toBe(6);
  });

  it("that its client has given up is not done any more, when the lock goes that it waited for", async () => {
    const impatient = openPool(server.url, 300);
    await createSentinelStore(impatient.db).read("sen_a");
    await lock("sen_a");
    const given = createSentinelStore(impatient.db).settle("sen_a", READY, { fence: [null], atMs: 7 });
    await expect(given).rejects.toMatchObject({ code: "ETIMEDOUT" });
    await impatient.close();
    await holder.query("ROLLBACK");
    await until("no statement to be left", async () => {
      const [running] = await holder.query<RowDataPacket[]>(
        "SELECT id FROM information_schema.processlist WHERE info LIKE 'update%'",
      );
      return running.length === 0;
    });
    expect(await store.read("sen_a")).toMatchObject({ deployStatus: "idle", updatedAtMs: null });
  });
});

describe("a row that somebody has locked", () => {
  const FLEET = Array.from({ length: 200 }, (_, i) => `sen_${String(i).padStart(3, "0")}`);
  const LOCKED = "sen_007";

  it("holds up nobody else's write, and is written once it is free", async () => {
    // Of a table so small that most of it is written the server would read, and lock, all.
    const bystanders = Array.from({ length: 4_000 }, (_, i) => `zzz_${i}`);
    await insertSentinels(
      server.url,
      [...FLEET, ...bystanders].map((id) => ({ id })),
    );
    await lock(LOCKED);
    const begin = (id: string) =>
      store.markProgressing(id, DESIRED, { fence: NEVER_WRITTEN, atMs: 10 }).catch(({ code }) => code);
    const all = FLEET.map(begin);
    // It is locked until all the others are written.
    const answers = await Promise.all(all);
    expect(answers.filter((answer) => answer.written === true)).toHaveLength(FLEET.length - 1);
    expect(answers[FLEET.indexOf(LOCKED)]).toBe("ER_LOCK_WAIT_TIMEOUT");

    // From now on it waits by itself: no statement that waits for it is for anybody else, too.
    refused.length = 0;
    const again = begin(LOCKED);
    const settled = await Promise.all(
      FLEET.filter((id) => id !== LOCKED).map((id) => store.settle(id, READY, { fence: [10], atMs: 11 })),
    );
    expect(settled.every(({ written }) => written)).toBe(true);
    expect(await again).toBe("ER_LOCK_WAIT_TIMEOUT");
    expect(refused.map((sql) => sql.match(/\(\?, \?\)/g)?.length)).toEqual([NEVER_WRITTEN.length]);
    await holder.query("ROLLBACK");
    expect(await begin(LOCKED)).toEqual({ written: true });
  });
});
