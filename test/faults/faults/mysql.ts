import { setTimeout as delay } from "node:timers/promises";
import { type Connection, createConnection } from "mysql2/promise";
import { until } from "../../support/until.ts";
import type { Arena } from "../harness/arena.ts";
import { A_MOMENT_MS, type Fault } from "../harness/fault.ts";
import type { Random } from "../harness/random.ts";
import { around, hasSurroundings } from "../harness/surroundings.ts";

const possible = (arena: Arena) => hasSurroundings(arena) && around(arena).database.isOwn;
/** Longest wait (ms) for a statement of the service to run into a lock. */
const PATIENCE_MS = 3_000;
/** The server looks only once a second for those that have waited for the second that they may. */
const LOCK_WAIT_MS = 2_100;

function frozen(name: string, lastsMs: readonly [number, number]): Fault {
  return {
    name,
    losesAnswers: 0,
    possible,
    lastsMs,
    async inject(arena) {
      const { database } = around(arena);
      await database.process.signal("SIGSTOP");
      return () => database.process.signal("SIGCONT");
    },
  };
}

/** Longer than a statement may take, and than the soak's Deploys may. */
export const mysqlFrozenFor30s = frozen("MySQL frozen for 30 s", [30_000, 30_000]);

export const mysqlFaults: Fault[] = [
  {
    name: "MySQL killed",
    losesAnswers: 0,
    possible,
    lastsMs: [0, 2_000],
    async inject(arena) {
      const { database } = around(arena);
      await database.process.signal("SIGKILL");
      return () => database.process.start();
    },
  },
  frozen("MySQL frozen", [500, 8_000]),
  {
    name: "MySQL connections cut",
    losesAnswers: 0,
    possible,
    async inject(arena, random) {
      const { database } = around(arena);
      for (let times = random.between(1, 5); times > 0; times--) {
        await database.cutConnections();
        await delay(random.between(5, 60));
      }
      return async () => undefined;
    },
  },
  {
    name: "MySQL read-only",
    losesAnswers: 0,
    possible,
    lastsMs: A_MOMENT_MS,
    async inject(arena) {
      const { database } = around(arena);
      await database.set("read_only", 1);
      return () => database.set("read_only", 0);
    },
  },
  {
    name: "MySQL lock wait timeout",
    losesAnswers: 0,
    possible,
    async inject(arena) {
      const { database } = around(arena);
      await database.set("innodb_lock_wait_timeout", 1);
      // New sessions take it over.
      await database.cutConnections();
      const holder = await createConnection({ uri: arena.world.stack.databaseUrl });
      await holder.query("BEGIN");
      await holder.query("SELECT id FROM sentinels FOR UPDATE");
      return async () => {
        await ranIntoLock(arena);
        await delay(LOCK_WAIT_MS);
        holder.destroy();
        await database.set("innodb_lock_wait_timeout", 50);
      };
    },
  },
  {
    name: "MySQL row locked",
    losesAnswers: 0,
    possible,
    lastsMs: [1_000, 12_000],
    async inject(arena, random) {
      const { world } = arena;
      const unfinished = (await world.rows()).filter(({ deploy_status }) => deploy_status !== "ready");
      const { id } = random.pick(unfinished.length > 0 ? unfinished : await world.rows());
      const holder = await createConnection({ uri: world.stack.databaseUrl });
      await holder.query("BEGIN");
      await holder.query("SELECT id FROM sentinels WHERE id = ? FOR UPDATE", [id]);
      return async () => holder.destroy();
    },
  },
  {
    name: "MySQL deadlock",
    losesAnswers: 0,
    possible,
    async inject(arena, random) {
      await deadlock(arena, random);
      return async () => undefined;
    },
  },
];

/**
 * A statement of the service holds the entry of the index on `id` and waits for the row; whoever holds the row then asks
 * for the entry. That one has changed more, so the service's is given up.
 */
async function deadlock(arena: Arena, random: Random): Promise<void> {
  const { world } = arena;
  const rival = await createConnection({ uri: world.stack.databaseUrl });
  try {
    await rival.query("CREATE TABLE IF NOT EXISTS rival (n INT PRIMARY KEY)");
    await rival.query("BEGIN");
    await rival.query(`INSERT INTO rival VALUES ${Array.from({ length: 200 }, (_, n) => `(${n})`).join()}`);
    const unfinished = (await world.rows()).filter(({ deploy_status }) => deploy_status !== "ready");
    const { id } = random.pick(unfinished.length > 0 ? unfinished : await world.rows());
    await rival.query(
      "SELECT pk FROM sentinels FORCE INDEX (PRIMARY) WHERE pk = (SELECT pk FROM (SELECT pk FROM sentinels WHERE id = ?) AS one) FOR UPDATE",
      [id],
    );
    await ranIntoLock(arena);
    await rival.query("SELECT pk FROM sentinels WHERE id = ? FOR UPDATE", [id]).catch(() => undefined);
    await rival.query("ROLLBACK");
  } finally {
    rival.destroy();
  }
}

/** The service may have nothing to write just now. */
async function ranIntoLock(arena: Arena): Promise<void> {
  const { database } = around(arena);
  const waits = (admin: Connection) => database.someoneWaits(admin);
  await database.asAdmin((admin) =>
    until("a statement that waits", () => waits(admin), PATIENCE_MS).catch(() => undefined),
  );
}
