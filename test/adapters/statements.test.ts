import mysql, { type Pool, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { type ActionStore, createActionStore } from "../../src/mysql/actions.ts";
import { columnsOf } from "../../src/mysql/ddl.ts";
import { drizzle } from "../../src/mysql/drizzle.ts";
import { createHistoryStore, type HistoryStore } from "../../src/mysql/history.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { CONTROL_PLANE_COLUMNS, sentinels } from "../../src/mysql/schema.ts";
import { createSentinelStore, type SentinelStore } from "../../src/mysql/sentinels.ts";
import { insertSentinels } from "../support/sentinel-rows.ts";

const FLEET = 100_000;
const idOf = (i: number) => `sen_${String(i).padStart(6, "0")}`;
const some = Array.from({ length: 1_000 }, (_, i) => idOf(i * 97));

async function all(pages: AsyncIterable<unknown[]>): Promise<void> {
  for await (const _ of pages);
}

const observed = { health: "healthy", availableReplicas: 2, runningImage: "x:2" } as const;
const desired = { image: "x:2", cpuMillicores: 1, memoryMib: 1, desiredReplicas: 1 };

/** Every question that can be asked, so that each of its statements is seen. */
const SENTINELS: { [K in keyof SentinelStore]: (store: SentinelStore) => Promise<unknown> } = {
  read: (store) => Promise.all(some.slice(0, 200).map(store.read)),
  candidatePages: async (store) => {
    await all(store.candidatePages());
    await all(store.candidatePages({ first: idOf(60_000), last: idOf(60_100) }));
  },
  markProgressing: (store) =>
    Promise.all(
      some
        .slice(0, 200)
        .map((id, i) =>
          store.markProgressing(id, { ...desired, memoryMib: i }, { fence: [null, 4], atMs: 5 }),
        ),
    ),
  settle: (store) =>
    Promise.all(
      some.slice(0, 200).map((id, i) =>
        store.settle(id, i % 2 === 0 ? { status: "ready", observed } : { status: "failed", reason: id }, {
          fence: [null, 5],
          atMs: i + 6,
        }),
      ),
    ),
  putBack: (store) =>
    store.putBack(idOf(9), { deployStatus: "ready", deployError: null }, { fence: [null, 7], atMs: 8 }),
  isRewritten: (store) => store.isRewritten("x:2", "mirror/x:2"),
  rememberRewritten: (store) => store.rememberRewritten("x:2", "mirror/x:2"),
  observe: (store) =>
    store.observe(some.map((id, i) => ({ id, observed: { ...observed, availableReplicas: i } }))),
  observedRows: (store) => all(store.observedRows()),
  observedRowsOf: (store) => store.observedRowsOf(some),
};

const HISTORY: { [K in keyof HistoryStore]: (store: HistoryStore) => Promise<unknown> } = {
  record: (store) =>
    store.record(
      {
        rollout: {
          rolloutId: "r_1",
          image: "x:2",
          state: "completed",
          wave: 1,
          waveSizes: [1],
          total: 1,
          succeeded: 1,
          failed: 0,
          skipped: 0,
          reverted: 0,
          pauseReason: "",
          startedAtMs: 1,
        },
        outcomes: [{ sentinelId: idOf(1), wave: 1, outcome: "succeeded" }],
        atMs: 1,
      },
      1,
    ),
  rollouts: async (store) => {
    await store.rollouts(20);
    await store.rollouts(20, { startedAt: 5, id: "r_3" });
  },
  countRollouts: (store) => store.countRollouts(),
  rollout: (store) => store.rollout("r_7"),
  outcomes: async (store) => {
    await store.outcomes("r_7", 1_000);
    await store.outcomes("r_7", 1_000, { outcome: "failed", sentinelId: idOf(7) });
  },
  countOutcomes: (store) => store.countOutcomes("r_7"),
  failures: (store) => store.failures("r_7", 2_000),
};

const ACTIONS: { [K in keyof ActionStore]: (store: ActionStore) => Promise<unknown> } = {
  recordAction: (store) => store.recordAction({ id: "inv_1", verb: "Cancel", from: "idle", atMs: 1 }),
  action: (store) => store.action("inv_7"),
  actions: async (store) => {
    const after = { askedAt: 50_000, id: "inv_3" };
    await store.actions(20);
    await store.actions(20, { after });
    await store.actions(1_000, { rolloutId: "r_7" });
    await store.actions(1_000, { rolloutId: "r_7", after });
  },
};

let server: Mysql;
let pool: Pool;
/** What the stores have asked. */
const asked: { sql: string; values: unknown[] }[] = [];

beforeAll(async () => {
  server = await startMysql({ server: undefined });
  await migrateDatabase(server.url, { withSentinels: true });
  pool = mysql.createPool(server.url);
  await insertSentinels(
    server.url,
    Array.from({ length: FLEET }, (_, i) => ({
      id: idOf(i),
      desiredState: i % 50 === 0 ? "standby" : "running",
      deployStatus: i % 1_000 === 0 ? "failed" : "ready",
    })),
  );
  await pool.query(`INSERT INTO sentinel_rollout_outcomes (rollout_id, outcome, sentinel_id, wave, recorded_at)
    SELECT concat('r_', pk % 500), 'succeeded', id, 1, pk FROM sentinels`);
  await pool.query(`INSERT INTO sentinel_rollouts (id, image, state, wave, waves, wave_sizes, total, succeeded, failed,
      skipped, reverted, started_at, updated_at, revision)
    SELECT concat('r_', pk), 'x:1', 'completed', 1, 1, '[1]', 1, 1, 0, 0, 0, pk, pk, 1 FROM sentinels WHERE pk < 4000`);
  await pool.query(`INSERT INTO sentinel_rollout_actions (id, verb, rollout_id, from_state, asked_at)
    SELECT concat('inv_', pk), 'Cancel', if(pk % 10 = 0, NULL, concat('r_', pk % 500)), 'idle', pk FROM sentinels`);
  await pool.query(
    "ANALYZE TABLE sentinels, sentinel_rollouts, sentinel_rollout_outcomes, sentinel_rollout_actions",
  );
  const db = drizzle(async (sql, values, method) => {
    asked.push({ sql, values });
    const rowsAsArray = method === "all";
    const [result] = await pool.query<RowDataPacket[]>({ sql, values, rowsAsArray });
    return { rows: rowsAsArray ? result : [result] };
  });
  for (const ask of Object.values(SENTINELS)) await ask(createSentinelStore(db));
  for (const ask of Object.values(HISTORY)) await ask(createHistoryStore(db));
  for (const ask of Object.values(ACTIONS)) await ask(createActionStore(db));
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
});

describe(`among ${FLEET} sentinels`, () => {
  it("every statement finds its rows by a key", async () => {
    // An INSERT looks for none.
    const looking = asked.filter(({ sql }) => !sql.startsWith("insert"));
    expect(looking.length).toBeGreaterThan(40);
    for (const { sql, values } of looking) {
      const [plan] = await pool.query<RowDataPacket[]>(`EXPLAIN ${sql}`, values);
      for (const { type, key, rows, Extra } of plan) {
        const step = { type, key, rows, Extra, sql: sql.slice(0, 300) };
        expect(step).toMatchObject({ type: expect.not.stringMatching(/^ALL$/i), key: expect.any(String) });
        // Only the pages of the fleet go on to its end, and each of them ends at its LIMIT; past rollouts are counted, and few.
        if (!/ limit /.test(sql) || /^index$/i.test(type)) {
          expect(Number(rows), JSON.stringify(step)).toBeLessThanOrEqual(5_000);
        }
      }
    }
  });

  it("no statement names a column that is the control plane's alone, and all others are needed", () => {
    for (const { name } of columnsOf(sentinels)) {
      const named = asked.some(({ sql }) => sql.includes("`sentinels`") && sql.includes(`\`${name}\``));
      expect({ name, named }).toEqual({ name, named: !CONTROL_PLANE_COLUMNS.has(name) });
    }
  });
});
