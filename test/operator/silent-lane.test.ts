import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { ids, OLD, World } from "../support/world.ts";
import { inFlightIsTrue, openLanes, pauseInvocation, withinOrNot } from "./invocations.ts";
import { answerWithin, openDeploys, statusOf } from "./outside.ts";

/** More than the driver's own lane has places for: another lane takes the rest. */
const FLEET = ids(1, 160);
/** The driver launches the first ones itself. While this one is under way the wave is, whatever the lane does. */
const [LONGEST = "", ...OTHERS] = FLEET;
const IMAGE = "ghcr.io/unkeyed/sentinel:silent";
/** Without Restate's admin API a drive has to be asked before anybody knows that it does not answer. */
const NAMED_WITHIN_MS = 90_000;
/** What a stop and a rollback wait for a lane that does not answer. */
const STOPPED_WITHIN_MS = 60_000;
const SECONDS = 1_000;

/** The service as it is configured by default: it does not know Restate's admin API. */
async function open(sentinels: number, env: Record<string, string>, slow: `slow:${number}`): Promise<World> {
  const world = new World(await startStack({ sentinels, env: { LOG_LEVEL: "error", ...env } }));
  await Promise.all(ids(1, sentinels).map((id) => world.fault(id, slow, IMAGE)));
  const { process } = world.stack.service;
  await process.stop();
  await process.start({ RESTATE_ADMIN_URL: "", SERVICE_URL: "" });
  return world;
}

describe("a lane that is paused in Restate, without its admin API", () => {
  let world: World;
  let lane: string;
  let pausedMs: number;

  beforeAll(async () => {
    world = await open(FLEET.length, { MAX_IN_FLIGHT: "160", DEPLOY_TIMEOUT_SECONDS: "300" }, "slow:10");
    await world.fault(LONGEST, "slow:600", IMAGE);
    await world.start("Rollout", { image: IMAGE, wave_percentages: [100] });
    await until("all to be in flight", async () => (await openDeploys(world)) === FLEET.length);
    lane = await until("a lane", async () => (await openLanes(world))[0]);
    await pauseInvocation(world, lane);
    pausedMs = Date.now();
  });
  afterAll(() => world.close());

  it(
    "is named in Status, with what to do",
    async () => {
      const isNamed = async () => (await statusOf(world)).message.includes(lane);
      await withinOrNot(isNamed, pausedMs + NAMED_WITHIN_MS - Date.now());
      const { message } = await statusOf(world);
      expect(message).toContain(lane);
      expect(message).toMatch(/resume|cancel/i);
    },
    NAMED_WITHIN_MS + 10 * SECONDS,
  );

  it(
    "has nothing in flight once its Deploys are over",
    async () => {
      await until("all Deploys but one to be over", async () => (await openDeploys(world)) === 1);
      await withinOrNot(() => inFlightIsTrue(world), pausedMs + NAMED_WITHIN_MS - Date.now());
      expect((await statusOf(world)).in_flight).toBe(1);
    },
    NAMED_WITHIN_MS + 10 * SECONDS,
  );

  it(
    "is not waited for by Cancel and RollbackAll",
    async () => {
      const endMs = Date.now() + STOPPED_WITHIN_MS;
      expect(await answerWithin(world, "Cancel", 5 * SECONDS)).toMatchObject({
        status: 200,
        state: "cancelled",
      });
      for (const id of await world.running(`hydra.v1.SentinelService/${LONGEST}/Deploy`)) {
        await world.end(id, "cancel");
      }
      const rollback = await answerWithin(world, "RollbackAll", endMs - Date.now());
      expect(rollback).toMatchObject({ status: 200, state: "cancelled", reverted: OTHERS.length });
      expect(await world.on(OLD)).toEqual(expect.arrayContaining(OTHERS));
      expect(await inFlightIsTrue(world)).toBe(true);
    },
    STOPPED_WITHIN_MS + 10 * SECONDS,
  );
});

describe("Deploys that settle after a Cancel", () => {
  let world: World;
  beforeAll(async () => {
    world = await open(2, { DEPLOY_TIMEOUT_SECONDS: "300" }, "slow:200");
  });
  afterAll(() => world.close());

  it(
    "are waited for until a time that does not recede from one question to the next",
    async () => {
      await world.start("Rollout", { image: IMAGE, wave_percentages: [100] });
      await until("both to be in flight", async () => (await openDeploys(world)) === 2);
      expect((await world.verb("Cancel")).body.state).toBe("cancelled");
      const { waiting_for: first } = await statusOf(world);
      expect(first).toMatch(/^2 Deploys in flight to settle, at the latest until \d\d:\d\d/);
      // It is told to the minute: a time that went along with the question would be another one by then.
      const minute = new Date().getUTCMinutes();
      await until("another minute", () => new Date().getUTCMinutes() !== minute, 61 * SECONDS);
      expect((await statusOf(world)).waiting_for).toBe(first);
    },
    90 * SECONDS,
  );
});
