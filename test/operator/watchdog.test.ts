import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { ids, it, NEW, type World } from "../support/world.ts";
import { pauseInvocation } from "./invocations.ts";
import { editState, openDeploys, stateOf, statusOf } from "./outside.ts";

const KEY = "rolloutState";
const FLEET = ids(1, 3);
const SECONDS = 1_000;
const SLOW = FLEET.map((sentinelId) => ({ sentinelId, fault: "slow:600" as const }));

const watchdogs = (world: World) => world.running("hydra.v1.SentinelRolloutService/singleton/Watch");

async function begin(world: World): Promise<string> {
  const driver = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
  await until("all to be in flight", async () => (await openDeploys(world)) === FLEET.length);
  await until("a watchdog", async () => (await watchdogs(world)).length === 1);
  return driver;
}

async function edit(world: World, value: string): Promise<void> {
  await editState(world, { ...(await stateOf(world)), [KEY]: value });
  await until("Restate to show it", async () => (await stateOf(world))[KEY] === value, 10_000);
}

/** By the stored state: who asks a verb has the drive watched anew. */
async function untilPaused(world: World): Promise<void> {
  const state = async () => (JSON.parse((await stateOf(world))[KEY] ?? "{}") as { state?: string }).state;
  await until("the rollout to be paused", async () => (await state()) === "paused", 45 * SECONDS);
}

async function journalOf(world: World, id: string): Promise<{ entries: number; bytes: number }> {
  const [row] = await world.sql<{ entries: number; bytes: number | null }>(
    `SELECT count(*) AS entries, sum(raw_length) AS bytes FROM sys_journal WHERE id = '${id}'`,
  );
  return { entries: row?.entries ?? 0, bytes: row?.bytes ?? 0 };
}

describe("the watchdog of a drive", () => {
  it.override({ options: { sentinels: FLEET.length, faults: SLOW } });

  it("is relieved by another before its journal grows beyond 4 MiB, and there is one at a time", {
    timeout: 180 * SECONDS,
  }, async ({ world }) => {
    const driver = await begin(world);
    // Each look reads the head: a large one has as much journalled in seconds as the largest drive in minutes.
    const head = JSON.parse((await stateOf(world))[KEY] ?? "{}") as object;
    await edit(world, JSON.stringify({ ...head, more: "0".repeat(600 * 1024) }));
    const seen = new Map<string, { entries: number; bytes: number }>();
    let most = 0;
    await until(
      "a third watchdog",
      async () => {
        const now = await watchdogs(world);
        most = Math.max(most, now.length);
        for (const id of now) seen.set(id, await journalOf(world, id));
        return seen.size >= 3;
      },
      110 * SECONDS,
    ).catch(() => undefined);
    expect(Math.max(...[...seen.values()].map(({ bytes }) => bytes))).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(Math.max(...[...seen.values()].map(({ entries }) => entries))).toBeLessThanOrEqual(5_000);
    expect(seen.size, "watchdogs, one after another").toBeGreaterThanOrEqual(3);
    // While one hands over to the next both are there.
    expect(most).toBeLessThanOrEqual(2);
    await statusOf(world);
    await statusOf(world);
    await until("one watchdog to be left", async () => (await watchdogs(world)).length === 1, 5_000);

    await world.end(driver, "kill");
    await untilPaused(world);
    await until("no watchdog to be left", async () => (await watchdogs(world)).length === 0);
  });

  it("outlives a rolloutState that nobody can read, and sees the drive killed", {
    timeout: 120 * SECONDS,
  }, async ({ world }) => {
    const driver = await begin(world);
    const [watchdog = ""] = await watchdogs(world);
    const before = (await stateOf(world))[KEY] ?? "";
    await edit(world, "hello");
    const { entries } = await journalOf(world, watchdog);
    // A look at the least; it may be its last.
    await until("the watchdog to have looked", async () => {
      const now = (await journalOf(world, watchdog)).entries;
      return now === 0 || now > entries + 12;
    });
    await edit(world, before);
    await world.end(driver, "kill");
    await untilPaused(world);
  });

  it("outlives it also when the drive is killed meanwhile", { timeout: 120 * SECONDS }, async ({ world }) => {
    const driver = await begin(world);
    const [watchdog = ""] = await watchdogs(world);
    const before = (await stateOf(world))[KEY] ?? "";
    await edit(world, "hello");
    await world.end(driver, "kill");
    const { entries } = await journalOf(world, watchdog);
    await until("the watchdog to have looked", async () => {
      const now = (await journalOf(world, watchdog)).entries;
      return now === 0 || now > entries + 12;
    });
    await edit(world, before);
    await untilPaused(world);
  });
});

describe("everything that runs is paused in Restate, the watchdog too", () => {
  it.override({
    options: { sentinels: FLEET.length, faults: SLOW, env: { DEPLOY_TIMEOUT_SECONDS: "5" } },
  });

  it("Status names the drive by its silence, with what to do", { timeout: 180 * SECONDS }, async ({
    world,
  }) => {
    const driver = await begin(world);
    for (const id of [...(await watchdogs(world)), driver]) await pauseInvocation(world, id);
    const { message: first, state } = await statusOf(world);
    expect(state).toBe("in_progress");
    expect(first, "it may still answer").not.toContain(driver);
    const told = async () => (await statusOf(world)).message;
    await until("Status to name it", async () => (await told()).includes(driver), 90 * SECONDS);
    expect(await told()).toMatch(
      new RegExp(
        `The drive ${driver} does not answer: it has not answered since 20\\S+Z\\. Unless MySQL is away, resume the invocation in Restate .*or stop with Cancel`,
      ),
    );
    const { status, body } = await world.verb("Cancel");
    expect({ status, state: body.state }).toEqual({ status: 200, state: "cancelled" });
  });
});
