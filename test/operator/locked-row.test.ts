import mysql, { type Connection, type Pool } from "mysql2/promise";
import { describe, expect } from "vitest";
import { recordRows, rowChanges, stepsBack } from "../support/row-history.ts";
import { until } from "../support/until.ts";
import { ids, it, NEW, OLD, type World } from "../support/world.ts";

const FLEET = ids(1, 12);
const LOCKED = "sen_0003";
/** Longer than the server's default lets a statement wait, in ms. */
const LOCKED_MS = 60_000;

async function lock(world: World, id: string): Promise<Connection> {
  const holder = await mysql.createConnection({ uri: world.stack.databaseUrl });
  await holder.query("BEGIN");
  await holder.query("SELECT pk FROM sentinels WHERE id = ? FOR UPDATE", [id]);
  return holder;
}

async function others(world: World) {
  return (await world.rows()).filter(({ id }) => id !== LOCKED);
}

describe("a row that another session has locked for a minute, in the middle of a wave", () => {
  it.override({ options: { sentinels: FLEET.length } });

  it("holds up no other sentinel, and nothing that was meant for it before comes back after a rollback", {
    timeout: 240_000,
  }, async ({ world }) => {
    const pool: Pool = mysql.createPool({ uri: world.stack.databaseUrl, connectionLimit: 1 });
    try {
      await recordRows(pool);
      const holder = await lock(world, LOCKED);
      const lockedMs = Date.now();
      await world.start("Rollout", { image: NEW, wave_percentages: [100] });
      await until("all others to be deployed while it is locked", async () => {
        return (await others(world)).every(
          (row) => row.running_image === NEW && row.deploy_status === "ready",
        );
      });
      await world.verb("Cancel");
      await world.start("RollbackAll");
      await until("all others to be reverted while it is locked", async () => {
        return (await others(world)).every(
          (row) => row.running_image === OLD && row.deploy_status === "ready",
        );
      });
      await until("the minute to be over", () => Date.now() - lockedMs > LOCKED_MS, LOCKED_MS);
      await holder.query("ROLLBACK");
      holder.destroy();
      await until("nothing to be under way", () => world.quiet().then(() => true), 60_000);
      expect((await world.state())?.state).toBe("cancelled");
      for (const row of await world.rows()) {
        expect(row).toMatchObject({ image: OLD, running_image: OLD });
        expect(row.deploy_status, row.id).not.toBe("progressing");
      }
      expect([...new Set((await world.images()).values())]).toEqual([OLD]);
      const changes = await rowChanges(pool);
      expect(changes.length).toBeGreaterThanOrEqual(4 * (FLEET.length - 1));
      expect(stepsBack(changes)).toEqual([]);
    } finally {
      await pool.end();
    }
  });
});
