import { setTimeout as sleep } from "node:timers/promises";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { type DatabasePool, openPool } from "../../src/mysql/pool.ts";
import type { ObservedRow } from "../../src/mysql/row.ts";
import { createSentinelStore, type SentinelStore } from "../../src/mysql/sentinels.ts";
import { insertSentinels } from "../support/sentinel-rows.ts";

let server: Mysql;
let pool: DatabasePool;
let store: SentinelStore;

beforeAll(async () => {
  server = await startMysql({ server: undefined });
  await migrateDatabase(server.url, { withSentinels: true });
  pool = openPool(server.url);
  store = createSentinelStore(pool.db);
});
beforeEach(() => sql("DELETE FROM sentinels"));
afterAll(async () => {
  await pool?.close();
  await server?.stop();
});

async function sql(statement: string): Promise<void> {
  const connection = await mysql.createConnection({ uri: server.url });
  await connection.query(statement);
  await connection.end();
}

async function allCandidates(between?: { first: string; last: string }) {
  const all = [];
  for await (const page of store.candidatePages(between)) all.push(...page);
  return all;
}

describe("images that admission rewrites", () => {
  it("are remembered once a pair, byte for byte, and told of candidates that run them", async () => {
    const [asked, mirror] = ["ghcr.io/x:2", "mirror/x:2"];
    expect(await store.isRewritten(asked, mirror)).toBe(false);
    await Promise.all([1, 2, 3].map(() => store.rememberRewritten(asked, mirror)));
    await store.rememberRewritten(asked, "elsewhere/x:2");
    for (const image of [mirror, "elsewhere/x:2"]) expect(await store.isRewritten(asked, image)).toBe(true);
    for (const [one, other] of [
      [asked, asked],
      [mirror, asked],
      ["ghcr.io/X:2", mirror],
      [asked, `${mirror} `],
    ] as const) {
      expect(await store.isRewritten(one, other)).toBe(false);
    }
    await insertSentinels(server.url, [
      { id: "sen_a", image: asked },
      { id: "sen_b", image: asked },
      { id: "sen_c", image: "ghcr.io/x:1" },
    ]);
    await store.observe(
      [mirror, "hotfix/x:2", mirror].map((runningImage, i) => ({
        id: `sen_${"abc"[i]}`,
        observed: { health: "healthy", availableReplicas: 1, runningImage },
      })),
    );
    expect((await allCandidates()).map(({ rewritten }) => rewritten)).toEqual([true, false, false]);
  });
});

describe("reading", () => {
  it("finds a sentinel by its exact id only", async () => {
    await insertSentinels(server.url, [{ id: "sen_a", image: "x:1", regionId: "eu" }]);
    expect(await store.read("sen_a")).toEqual({
      id: "sen_a",
      k8sName: "k8s-sen_a",
      regionId: "eu",
      image: "x:1",
      runningImage: "",
      desiredState: "running",
      health: "unknown",
      desiredReplicas: 1,
      availableReplicas: 0,
      cpuMillicores: 250,
      memoryMib: 256,
      deployStatus: "idle",
      deployError: null,
      updatedAtMs: null,
    });
    expect(await store.read("SEN_A")).toBeUndefined();
    expect(await store.read("sen_b")).toBeUndefined();
  });

  it("gives every running sentinel once, by id, over page borders", async () => {
    const ids = Array.from({ length: 11_000 }, (_, i) => `sen_${String(i).padStart(5, "0")}`);
    const shuffled = ids.toReversed();
    await insertSentinels(
      server.url,
      shuffled.map((id, i) => ({ id, desiredState: i % 11 === 0 ? "standby" : "running" })),
    );
    const candidates = await allCandidates();
    expect(candidates.map(({ id }) => id)).toEqual(shuffled.filter((_, i) => i % 11 !== 0).toSorted());
    expect((await allObserved()).map(({ id }) => id)).toEqual(candidates.map(({ id }) => id));
    const some = [...ids.slice(0, 2_500), "sen_unknown"];
    const between = await allCandidates({ first: "sen_00001", last: "sen_00012" });
    expect(between.map(({ id }) => id)).toEqual(
      candidates.map(({ id }) => id).filter((id) => id >= "sen_00001" && id <= "sen_00012"),
    );
    expect((await store.observedRowsOf(some)).length).toBe(2_500);
  });

  it("answers questions about no sentinel at all", async () => {
    expect(await store.observedRowsOf([])).toEqual([]);
    await store.observe([]);
  });
});

describe("a deploy", () => {
  beforeEach(() => insertSentinels(server.url, [{ id: "sen_a" }, { id: "sen_b" }]));

  it("begins with the desired values and progressing, and clears an old error", async () => {
    await store.settle("sen_a", { status: "failed", reason: "old" }, { fence: [null], atMs: 5 });
    const desired = { image: "x:2", cpuMillicores: 500, memoryMib: 512, desiredReplicas: 3 };
    await store.markProgressing("sen_a", desired, { fence: [5], atMs: 1_700_000_000_123 });
    expect(await store.read("sen_a")).toMatchObject({
      ...desired,
      deployStatus: "progressing",
      deployError: null,
      updatedAtMs: 1_700_000_000_123,
    });
    expect(await store.read("sen_b")).toMatchObject({ deployStatus: "idle", image: "x:v1" });
  });

  it("ends ready with what was observed", async () => {
    await store.settle(
      "sen_a",
      { status: "ready", observed: { health: "healthy", availableReplicas: 2, runningImage: "x:2" } },
      { fence: [null], atMs: 7 },
    );
    expect(await store.read("sen_a")).toMatchObject({
      deployStatus: "ready",
      health: "healthy",
      availableReplicas: 2,
      runningImage: "x:2",
      updatedAtMs: 7,
    });
  });

  it("ends failed with the reason cut to the column, whatever is in it", async () => {
    const reason = `it's "so": \\ ${"é😀".repeat(600)}`;
    await store.settle("sen_a", { status: "failed", reason }, { fence: [null], atMs: 7 });
    const row = await store.read("sen_a");
    expect(row?.deployStatus).toBe("failed");
    expect(row?.deployError?.startsWith(`it's "so": \\ é😀é😀`)).toBe(true);
    expect(row?.deployError?.length).toBe(1_024);
  });
});

describe("observed columns", () => {
  it("each sentinel gets its own; the deploy's columns stay untouched", async () => {
    const ids = Array.from({ length: 2_500 }, (_, i) => `sen_${i}`);
    await insertSentinels(
      server.url,
      ids.map((id) => ({ id, runningImage: "x:old", updatedAt: 42, deployStatus: "progressing" })),
    );
    await store.observe(
      ids.map((id, i) => ({
        id,
        observed: {
          health: i % 2 === 0 ? "healthy" : "unhealthy",
          availableReplicas: i,
          ...(i % 3 === 0 ? { runningImage: `x:${i}` } : {}),
        },
      })),
    );
    const rows = await allObserved();
    expect(rows).toHaveLength(2_500);
    for (const row of rows) {
      const i = Number(row.id.slice(4));
      expect(row).toMatchObject({
        health: i % 2 === 0 ? "healthy" : "unhealthy",
        availableReplicas: i,
        runningImage: i % 3 === 0 ? `x:${i}` : "x:old",
        deployStatus: "progressing",
        updatedAtMs: 42,
      });
    }
  });

  it("an image that fits no column does not keep the others from being written", async () => {
    await insertSentinels(server.url, [{ id: "sen_a", runningImage: "x:old" }, { id: "sen_b" }]);
    const healthy = { health: "healthy", availableReplicas: 1 } as const;
    await store.observe([
      { id: "sen_a", observed: { ...healthy, runningImage: "x".repeat(300) } },
      { id: "sen_b", observed: { ...healthy, runningImage: "x:2" } },
    ]);
    expect(await store.read("sen_a")).toMatchObject({ health: "healthy", runningImage: "x:old" });
    expect(await store.read("sen_b")).toMatchObject({ health: "healthy", runningImage: "x:2" });
  });
});

describe("trouble", () => {
  it("an error names the driver's code, and neither the DSN nor the values", async () => {
    await insertSentinels(server.url, [{ id: "sen_a" }]);
    const desired = { image: "i".repeat(300), cpuMillicores: 1, memoryMib: 1, desiredReplicas: 1 };
    const error = await store
      .markProgressing("sen_a", desired, { fence: [null], atMs: 1 })
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "DatabaseError", code: "ER_DATA_TOO_LONG" });
    expect(inspected(error)).not.toContain("iiii");
    expect(inspected(error)).not.toContain("update `sentinels`");

    const nobody = openPool("mysql://someone:s3cret-word@127.0.0.1:1/db");
    const refused = await createSentinelStore(nobody.db)
      .read("sen_a")
      .catch((caught: unknown) => caught);
    await nobody.close();
    expect(refused).toMatchObject({ name: "DatabaseError", code: "ECONNREFUSED" });
    expect(inspected(refused)).not.toContain("s3cret-word");
  });

  it("a frozen server gives an error in time, also to those that wait for a connection, and is used again later", async () => {
    const impatient = openPool(server.url, 1_000);
    const its = createSentinelStore(impatient.db);
    await insertSentinels(server.url, [{ id: "sen_a" }]);
    await Promise.all(Array.from({ length: 20 }, () => its.read("sen_a")));
    await server.process?.signal("SIGSTOP");
    try {
      // Some of its threads may run on for a moment.
      await expect.poll(() => its.read("sen_a").catch(() => "frozen"), { timeout: 20_000 }).toBe("frozen");
      // As a clock: one question after the other, each of which waits for the time-out.
      let [isOver, oneByOne] = [false, 0];
      const clock = (async () => {
        for (; !isOver; oneByOne++) await its.read("sen_a").catch(() => undefined);
      })();
      const answers = await Promise.allSettled(Array.from({ length: 50 }, () => its.read("sen_a")));
      isOver = true;
      expect(answers.every(({ status }) => status === "rejected")).toBe(true);
      expect(oneByOne).toBeLessThan(4);
      await clock;
    } finally {
      await server.process?.signal("SIGCONT");
    }
    await expect.poll(() => its.read("sen_a").catch(() => undefined), { timeout: 20_000 }).toBeDefined();
    await impatient.close();
  });

  it("closing does not wait for a frozen server", async () => {
    const frozen = openPool(server.url, 1_000);
    await createSentinelStore(frozen.db).read("sen_a");
    await server.process?.signal("SIGSTOP");
    try {
      const closed = await Promise.race([frozen.close().then(() => "closed"), sleep(10_000)]);
      expect(closed).toBe("closed");
    } finally {
      await server.process?.signal("SIGCONT");
    }
  });

  it("a server that was restarted is used again", async () => {
    await insertSentinels(server.url, [{ id: "sen_a" }]);
    await Promise.all(Array.from({ length: 20 }, () => store.read("sen_a")));
    await server.process?.stop();
    await expect(store.read("sen_a")).rejects.toMatchObject({ name: "DatabaseError" });
    await server.process?.start();
    await expect.poll(() => store.read("sen_a").catch(() => undefined), { timeout: 20_000 }).toBeDefined();
    expect(await Promise.all(Array.from({ length: 20 }, () => store.read("sen_a")))).toHaveLength(20);
  });
});

async function allObserved(): Promise<ObservedRow[]> {
  const rows: ObservedRow[] = [];
  for await (const page of store.observedRows()) rows.push(...page);
  return rows;
}

function inspected(error: unknown): string {
  return error instanceof Error
    ? `${error.stack} ${JSON.stringify(error, Object.getOwnPropertyNames(error))} ${String(error.cause)}`
    : String(error);
}
