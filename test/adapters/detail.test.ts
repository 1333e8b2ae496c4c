import mysql from "mysql2/promise";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { countFleet, type FleetCount } from "../../src/mysql/fleet-count.ts";
import { createHistoryStore } from "../../src/mysql/history.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { type DatabasePool, openPool } from "../../src/mysql/pool.ts";
import { createSentinelStore, type SentinelStore } from "../../src/mysql/sentinels.ts";
import { StatusDetail } from "../../src/restate/detail-schemas.ts";
import { detailOf } from "../../src/rollout/detail.ts";
import { insertSentinels } from "../support/sentinel-rows.ts";

const FLEET = 20_000;
const STARTED = 1_000_000;
const ROLLOUT = { rolloutId: "r_1", image: "x:v2", startedAtMs: STARTED, waiting: 1, failures: [] };
const idOf = (i: number) => `sen_${String(i).padStart(6, "0")}`;

let server: Mysql;
let pool: DatabasePool;
let store: SentinelStore;
let fleet: FleetCount;
let statements = 0;

beforeAll(async () => {
  server = await startMysql({ server: undefined });
  await migrateDatabase(server.url, { withSentinels: true });
  // Each hundredth is under way, each tenth of the rest has failed; half of the fleet has had its turn.
  await insertSentinels(
    server.url,
    Array.from({ length: FLEET }, (_, i) => ({
      id: idOf(i),
      regionId: `region-${i % 150}`,
      image: i < FLEET / 2 ? "x:v2" : "x:v1",
      deployStatus: i % 100 === 0 ? "progressing" : i % 10 === 0 ? "failed" : "ready",
      updatedAt: i < FLEET / 2 ? STARTED + i : 1,
    })),
  );
  const connection = await mysql.createConnection(server.url);
  await connection.query(`INSERT INTO sentinel_rollout_outcomes (rollout_id, outcome, sentinel_id, wave, reason, recorded_at)
    SELECT 'r_1', 'failed', id, 1, concat('ImagePullBackOff: "x/', id, ':v2"'), 1 FROM sentinels WHERE deploy_status = 'failed'`);
  // Two of them have come up since.
  await connection.query(`INSERT INTO sentinel_rollout_outcomes (rollout_id, outcome, sentinel_id, wave, recorded_at)
    VALUES ('r_1', 'succeeded', '${idOf(10)}', 1, 1), ('r_1', 'succeeded', '${idOf(20)}', 1, 1)`);
  await connection.end();
  pool = openPool(server.url, undefined, () => statements++);
  store = createSentinelStore(pool.db);
  fleet = countFleet(store);
});
afterAll(async () => {
  await pool?.close();
  await server?.stop();
});

const detail = (rollout: Parameters<typeof detailOf>[0] = ROLLOUT) =>
  detailOf(rollout, {
    ...{ store, fleet, history: createHistoryStore(pool.db), deployTimeoutMs: 600_000 },
    news: () => ({ lacks: "x".repeat(10_000), pods: "\u001b[2Jy".repeat(10_000) }),
  });

it("of a large fleet waits for the watcher's first reading, and says so", async () => {
  statements = 0;
  const early = await detail();
  expect(early).toMatchObject({ slowest: null, by_region: null });
  expect(early.detail_message).toMatch(
    /^slowest and by_region cannot be told now: the watcher of this replica has not read all rows yet\.$/,
  );
  expect(statements).toBeLessThanOrEqual(6);
});

it("of a large fleet asks a few statements, and its answer is small", async () => {
  for await (const _ of fleet.observedRows());
  statements = 0;
  const told = await detail();
  expect(statements).toBe(2);
  expect(StatusDetail.strict().parse(told)).toEqual(told);
  expect(JSON.stringify(told).length).toBeLessThan(32 * 1_024);
  expect(told.slowest?.map(({ sentinel_id }) => sentinel_id)).toEqual(
    Array.from({ length: 20 }, (_, i) => idOf(i * 100)),
  );
  expect(told.by_region).toHaveLength(100);
  expect(told.failures_by_reason).toEqual([
    { reason: 'ImagePullBackOff: "…"', count: 1_798, examples: [idOf(30), idOf(40), idOf(50)] },
  ]);
  // No terminal obeys what a pod says.
  expect(told.slowest?.[0]?.pods).toMatch(/^y+…$/);
});

it("tells nothing of those that are done since the watcher read them", async () => {
  for await (const _ of fleet.observedRows());
  const connection = await mysql.createConnection(server.url);
  await connection.query(`UPDATE sentinels SET deploy_status = 'ready' WHERE id = '${idOf(0)}'`);
  await connection.end();
  expect((await detail()).slowest?.[0]?.sentinel_id).toBe(idOf(100));
});
