import { createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { type DatabasePair, startDatabasePair } from "../support/database-pair.ts";
import { scrape } from "../support/exposition.ts";
import { until } from "../support/until.ts";
import { ids, World } from "../support/world.ts";

const FLEET = ids(1, 12);
const IMAGE = "x/sentinel:failover";

let world: World;
let pair: DatabasePair;
let pid: number | undefined;
beforeAll(async () => {
  const stack = await startStack({
    sentinels: FLEET.length,
    env: { DEPLOY_TIMEOUT_SECONDS: "60" },
    async adjustEnv(_, { mysql }) {
      pair = await startDatabasePair(mysql);
      return { DATABASE_URL: pair.url };
    },
  });
  world = new World(stack);
  pid = stack.service.process.pid;
});
afterAll(async () => {
  await world?.close();
  await pair?.close();
});

async function rowsOf(url: string): Promise<RowDataPacket[]> {
  const connection = await createConnection(url);
  try {
    const [rows] = await connection.query<RowDataPacket[]>("SELECT * FROM sentinels ORDER BY id");
    return rows;
  } finally {
    connection.destroy();
  }
}

async function refusedWrites(): Promise<number> {
  const errors = { statement: "update", result: "error" };
  const seen = await scrape(world.stack.health);
  return seen.value("sentinel_rollout_mysql_statement_duration_seconds_count", errors) ?? 0;
}

it("a failover in mid-wave loses nothing, and the same process goes on with the new primary", {
  timeout: 120_000,
}, async () => {
  const [old, young] = pair.servers;
  // In flight as the old primary stops to take writes; each settles afterwards.
  const slow = FLEET.slice(3, 7);
  await Promise.all(slow.map((id) => world.fault(id, "slow:2", IMAGE)));
  const rollout = await world.start("Rollout", { image: IMAGE, wave_percentages: [25, 60, 100] });
  const inFlight = async () => {
    const rows = await world.rows();
    return slow.every((id) => rows.find((row) => row.id === id)?.deploy_status === "progressing");
  };
  await until("the second wave to be in flight", inFlight);
  await pair.setReadOnly(old, true);
  await until("a write to be refused", async () => (await refusedWrites()) > 0);
  await pair.copy(old, young);
  const lastOfOld = await rowsOf(old.url);
  pair.lead(young);

  const { body } = await world.answer(rollout, AbortSignal.timeout(60_000));
  expect(body).toMatchObject({ state: "completed", succeeded: FLEET.length, failed: 0 });
  const reached = { image: IMAGE, running_image: IMAGE, deploy_status: "ready", deploy_error: null };
  expect(await rowsOf(young.url)).toEqual(FLEET.map((id) => expect.objectContaining({ id, ...reached })));
  expect(await rowsOf(old.url)).toEqual(lastOfOld);
  expect(world.stack.service.process.pid).toBe(pid);
});

it("a read-only primary is not ready, and the next one is found by the look at it alone", async () => {
  const [old, young] = pair.servers;
  await until("ready", async () => (await fetch(`${world.stack.health}/readyz`)).ok);
  const before = await refusedWrites();
  await pair.setReadOnly(young, true);
  const readOnly = { name: "mysql", ok: false, detail: "read-only" };
  const told = await until("not ready", async () => {
    const response = await fetch(`${world.stack.health}/readyz`);
    return response.status === 503 && response.json();
  });
  expect(told).toMatchObject({ missing: ["mysql"], checks: expect.arrayContaining([readOnly]) });
  await pair.setReadOnly(old, false);
  pair.lead(old);
  await until("ready again", async () => (await fetch(`${world.stack.health}/readyz`)).ok);
  expect(await refusedWrites()).toBe(before);
  expect(world.stack.service.process.pid).toBe(pid);
});
