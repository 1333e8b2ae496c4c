import { setTimeout as think } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { ids, NEW, World } from "../support/world.ts";
import { openDeploys, statusOf } from "./outside.ts";

const FLEET = ids(1, 3);
/** Longer than the minute after which another one used to be parked. */
const WATCHED_MS = 66_000;
/** A dashboard's refresh. */
const ASKED_EVERY_MS = 300;
/** What is there for so long is parked, and no transition that passes by. */
const PARKED_MS = 5_000;
/** A request says whom to watch: an id or two. */
const REQUEST_BYTES = 1_024;
/** What operators call (contract, section 1); all else is internal. */
const VERBS =
  "'Rollout', 'Resume', 'Cancel', 'RollbackAll', 'Status', 'Plan', 'History', 'Pause', 'Abort', 'RetryFailed', 'Freeze', 'Unfreeze'";

interface Parked {
  id: string;
  service: string;
  handler: string;
}

interface Laziness {
  enable_lazy_state?: boolean;
  handlers?: Record<string, Laziness & { name: string }>;
}

describe("Status every 300 ms, for more than a minute, of a rollout that waits", () => {
  let world: World;
  const seen = new Map<string, Parked>();
  /** The most that were parked at a time, by handler. */
  const most = new Map<string, number>();
  const totals: number[] = [];
  const requests = new Map<string, number>();
  let lookedUntilMs = 0;

  beforeAll(async () => {
    const faults = FLEET.map((sentinelId) => ({ sentinelId, fault: "slow:600" as const }));
    world = new World(await startStack({ sentinels: FLEET.length, faults }));
    await world.start("Rollout", { image: NEW, wave_percentages: [100] });
    await until("all to be in flight", async () => (await openDeploys(world)) === FLEET.length);
    const endMs = Date.now() + WATCHED_MS;
    while (Date.now() < endMs) {
      expect((await statusOf(world)).state).toBe("in_progress");
      lookedUntilMs = Date.now();
      await look();
      await think(ASKED_EVERY_MS);
    }
    const sizes = await world.sql<{ id: string; bytes: number }>(
      "SELECT id, raw_length AS bytes FROM sys_journal WHERE index = 0",
    );
    for (const { id, bytes } of sizes) if (seen.has(id)) requests.set(id, bytes);
  });
  afterAll(() => world.close());

  async function look(): Promise<void> {
    const since = new Date(Date.now() - PARKED_MS).toISOString();
    const parked = await world.sql<Parked>(
      `SELECT id, target_service_name AS service, target_handler_name AS handler FROM sys_invocation
       WHERE status <> 'completed' AND target_service_name <> 'hydra.v1.SentinelService'
       AND target_handler_name NOT IN (${VERBS}) AND created_at < TIMESTAMP '${since}'`,
    );
    const counts = new Map<string, number>();
    for (const each of parked) {
      seen.set(each.id, each);
      const name = `${each.service}/${each.handler}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const [name, count] of counts) most.set(name, Math.max(most.get(name) ?? 0, count));
    totals.push(parked.length);
  }

  it("one watchdog is parked for its drive, however often somebody looks", () => {
    expect(lookedUntilMs).toBeGreaterThan(0);
    // A watchdog, and perhaps a lane, for three sentinels: one of each handler.
    expect(Object.fromEntries(most)).toEqual(Object.fromEntries([...most.keys()].map((name) => [name, 1])));
    const half = Math.floor(totals.length / 2);
    const [early, late] = [Math.max(...totals.slice(0, half)), Math.max(...totals.slice(half))];
    expect(late, "parked in the second half, at most as many as in the first").toBeLessThanOrEqual(early);
  });

  it("its request is small, and the state does not come with it", async () => {
    for (const [id, bytes] of requests) {
      expect(bytes, `the request of ${seen.get(id)?.handler}`).toBeLessThanOrEqual(REQUEST_BYTES);
    }
    for (const { service, handler } of seen.values()) {
      const response = await fetch(`${world.stack.admin}/services/${service}`);
      const { enable_lazy_state, handlers } = (await response.json()) as Laziness;
      const own = Object.values(handlers ?? {}).find(({ name }) => name === handler);
      const hasState = await world.sql(`SELECT key FROM state WHERE service_name = '${service}' LIMIT 1`);
      const isLazy = own?.enable_lazy_state ?? enable_lazy_state ?? false;
      expect(isLazy || hasState.length === 0, `${service}/${handler} is called without the state`).toBe(true);
    }
  });
});
