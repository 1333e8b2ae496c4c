import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Mysql } from "../../src/local-stack/mysql.ts";
import { sql } from "../../src/mysql/drizzle.ts";
import { type DatabasePool, execute, openPool } from "../../src/mysql/pool.ts";
import { lookAtPrimary } from "../../src/mysql/primary.ts";
import { createSentinelStore } from "../../src/mysql/sentinels.ts";
import { type DatabasePair, startDatabasePair } from "../support/database-pair.ts";
import { insertSentinels } from "../support/sentinel-rows.ts";
import { until } from "../support/until.ts";

const FLEET = Array.from({ length: 50 }, (_, i) => `sen_${i}`);
const DESIRED = { image: "x:2", cpuMillicores: 1, memoryMib: 1, desiredReplicas: 1 };

let pair: DatabasePair;
let old: Mysql;
let young: Mysql;
beforeAll(async () => {
  pair = await startDatabasePair();
  [old, young] = pair.servers;
  for (const { url } of pair.servers)
    await insertSentinels(
      url,
      FLEET.map((id) => ({ id })),
    );
});
beforeEach(async () => {
  await pair.setReadOnly(old, false);
  pair.lead(old);
});
afterAll(() => pair?.close());

async function using(pool: DatabasePool, work: (pool: DatabasePool) => Promise<void>): Promise<void> {
  try {
    await work(pool);
  } finally {
    await pool.close();
  }
}

/** As many statements at once as it takes to use every connection there may be. */
async function burst({ db }: DatabasePool): Promise<void> {
  await Promise.all(Array.from({ length: 10 }, () => execute(db.execute(sql`select sleep(0.2)`))));
}

describe("a primary that became read-only, and keeps its connections open", () => {
  it("is left with the first write that it refuses, by every connection", async () => {
    await using(openPool(pair.url), async (pool) => {
      const store = createSentinelStore(pool.db);
      await burst(pool);
      expect(await pair.connections(old)).toBe(10);
      await pair.setReadOnly(old, true);
      pair.lead(young);
      await expect(store.markProgressing("sen_1", DESIRED, { fence: [null], atMs: 1 })).rejects.toMatchObject(
        {
          code: "ER_OPTION_PREVENTS_STATEMENT",
        },
      );
      await store.markProgressing("sen_1", DESIRED, { fence: [null], atMs: 2 });
      expect((await store.read("sen_1"))?.updatedAtMs).toBe(2);
      await until("every connection is to the new one", async () => {
        await burst(pool);
        return (await pair.connections(young)) === 10;
      });
      await until("nobody is on the old one", async () => (await pair.connections(old)) === 0);
    });
  });

  it("refuses a shared statement once, and not for each who shares it", async () => {
    let updates = 0;
    const count = (statement: string) => {
      if (statement.startsWith("update")) updates++;
    };
    await using(openPool(pair.url, undefined, count), async (pool) => {
      const store = createSentinelStore(pool.db);
      await pair.setReadOnly(old, true);
      const answers = await Promise.allSettled(
        FLEET.map((id) => store.markProgressing(id, DESIRED, { fence: [null], atMs: 1 })),
      );
      expect(answers.filter(({ status }) => status === "rejected")).toHaveLength(FLEET.length);
      expect(updates).toBe(1);
    });
  });

  it("is noticed without a write, and left by every connection", async () => {
    await using(openPool(pair.url), async (pool) => {
      await burst(pool);
      expect(await lookAtPrimary(pool)).toBe("writable");
      await pair.setReadOnly(old, true);
      expect(await lookAtPrimary(pool)).toBe("read-only");
      expect(await lookAtPrimary(pool)).toBe("read-only");
      pair.lead(young);
      expect(await lookAtPrimary(pool)).toBe("writable");
      await until("every connection is to the new one", async () => {
        await burst(pool);
        return (await pair.connections(young)) === 10;
      });
      await until("nobody is on the old one", async () => (await pair.connections(old)) === 0);
    });
  });
});

it("a primary that answers no more is left by every connection, and not by one timeout after the other", async () => {
  let unanswered = 0;
  const count = (_: string, __: number, ok: boolean) => {
    if (!ok) unanswered++;
  };
  await using(openPool(pair.url, 5_000, count), async (pool) => {
    const store = createSentinelStore(pool.db);
    await burst(pool);
    await old.process?.signal("SIGSTOP");
    try {
      // Some of its threads may run on for a moment.
      await until("it to be frozen", () =>
        store.read("sen_1").then(
          () => false,
          () => true,
        ),
      );
      pair.lead(young);
      await until("an answer", () => store.read("sen_1"));
      expect(unanswered).toBe(1);
      await until("every connection is to the new one", async () => {
        await burst(pool);
        return (await pair.connections(young)) === 10;
      });
    } finally {
      await old.process?.signal("SIGCONT");
    }
  });
});

describe("a connection is not kept", () => {
  it("when nobody has used it for a while", async () => {
    await using(openPool(pair.url, undefined, undefined, { idleMs: 500 }), async (pool) => {
      await burst(pool);
      expect(await pair.connections(old)).toBe(10);
      await until("all are closed", async () => (await pair.connections(old)) === 0);
      await burst(pool);
    });
  });

  it("for ever, however busy it is", async () => {
    await using(openPool(pair.url, undefined, undefined, { lifetimeMs: 500 }), async (pool) => {
      await burst(pool);
      pair.lead(young);
      await until("all are on the new one", async () => {
        await burst(pool);
        return (await pair.connections(old)) === 0;
      });
      expect(await pair.connections(young)).toBeGreaterThan(0);
    });
  });
});
