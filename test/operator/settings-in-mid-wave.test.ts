import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { ids, NEW, OLD } from "../support/world.ts";
import { mismatches, openDeploys, statusOf } from "./outside.ts";
import { Settings } from "./settings.ts";

const FLEET = ids(1, 60);
/** Two waves of 30. */
const WAVES = [50, 100];

/** All that a handler might read of its process, once and then in another way. */
const WIDE = { MAX_IN_FLIGHT: "20", DEPLOY_TIMEOUT_SECONDS: "60", FAIL_FAST_SECONDS: "120" };
const NARROW = { MAX_IN_FLIGHT: "5", DEPLOY_TIMEOUT_SECONDS: "90", FAIL_FAST_SECONDS: "0" };

const DIRECTIONS = [
  { title: "MAX_IN_FLIGHT 20, and 5 after it", first: WIDE, next: NARROW, most: 20 },
  { title: "MAX_IN_FLIGHT 5, and 20 after it", first: NARROW, next: WIDE, most: 5 },
];

let settings: Settings;
afterEach(() => settings.close());

async function open(env: Record<string, string>): Promise<void> {
  settings = await Settings.open({ sentinels: FLEET.length, env });
  // Forward and back: a wave of 30 lasts a second with 20 in flight, and four with 5.
  await Promise.all(FLEET.map((id) => settings.world.fault(id, "slow:0.6")));
}

/** Waits for the work; an invocation that cannot replay ends the waiting. */
async function replays<T>(work: Promise<T>, look: () => Promise<unknown> = async () => {}): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  work.then(end, end);
  const seen = await until(
    "the drive to be over",
    async () => {
      await look();
      const broken = await mismatches(settings.world);
      return (broken.length > 0 && { broken }) || (isOver && { broken });
    },
    45_000,
  );
  expect(
    seen.broken.map(({ target, last_failure }) => `${target}: ${last_failure.slice(0, 300)}`),
    "invocations that cannot replay their journal",
  ).toEqual([]);
  return work;
}

/** In the middle of the first wave: some are done, the window is full. */
async function midWave(most: number): Promise<void> {
  await until("the middle of a wave", async () => {
    const { succeeded } = await statusOf(settings.world);
    return succeeded > 0 && succeeded < 25 && (await openDeploys(settings.world)) >= Math.min(most, 5);
  });
}

for (const { title, first, next, most } of DIRECTIONS) {
  describe(`killed in mid-wave and started with other settings (${title})`, () => {
    beforeEach(() => open(first));

    it("the rollout completes, and the new settings hold from the next wave", async () => {
      const { world } = settings;
      const rollout = await world.start("Rollout", { image: NEW, wave_percentages: WAVES });
      await midWave(most);
      await settings.comeBackWith(next);
      let inWave2 = 0;
      const { body } = await replays(world.answer(rollout), async () => {
        const { wave } = await statusOf(world);
        if (wave === 2) inWave2 = Math.max(inWave2, await openDeploys(world));
      });
      expect(body).toMatchObject({ state: "completed", succeeded: 60, failed: 0 });
      if (next === NARROW) expect(inWave2, "in flight in wave 2").toBeLessThanOrEqual(5);
      else expect(inWave2, "in flight in wave 2").toBeGreaterThan(5);
      expect(await world.on(NEW)).toEqual(FLEET);
    });

    it("Cancel ends the drive, and RollbackAll reverts what took the image", async () => {
      const { world } = settings;
      const rollout = await world.start("Rollout", { image: NEW, wave_percentages: WAVES });
      await midWave(most);
      await settings.comeBackWith(next);
      expect((await world.verb("Cancel")).body).toMatchObject({ state: "cancelled" });
      expect((await replays(world.answer(rollout))).body).toMatchObject({ state: "cancelled" });
      const { status, body } = await replays(world.verb<{ reverted: number; total: number }>("RollbackAll"));
      expect(status).toBe(200);
      expect(body.reverted).toBe(body.total);
      expect(await world.on(OLD)).toEqual(FLEET);
    });

    it("a rollback that was under way completes", async () => {
      const { world } = settings;
      // One that fails: RollbackAll is legal from paused.
      await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0030'");
      const paused = await world.verb("Rollout", { image: NEW, wave_percentages: WAVES });
      expect(paused.body).toMatchObject({ state: "paused", succeeded: 29, failed: 1 });
      const rollback = await world.start("RollbackAll");
      await until("the middle of the rollback", async () => {
        const { reverted } = await statusOf(world);
        return reverted > 0 && reverted < 25;
      });
      await settings.comeBackWith(next);
      const { body } = await replays(world.answer<{ reverted: number; total: number }>(rollback));
      expect(body).toMatchObject({ state: "cancelled", reverted: 29, total: 29 });
      expect(await world.on(OLD)).toEqual(FLEET);
    });
  });
}
