import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HistoryResponse } from "../../src/restate/history-schemas.ts";
import { type HeldLink, startHeldStack } from "../support/held-link.ts";
import { until } from "../support/until.ts";
import { ids, OLD, World } from "../support/world.ts";
import { pauseHeld, toldDuring } from "./invocations.ts";
import { openDeploys, press, statusOf } from "./outside.ts";

/** As long as it takes until a paused drive was found, and its rows were read. */
const FOUND_WITHIN_MS = 45_000;
/** So long after that is looked at what Status says. */
const LOOKED_AT_MS = 5_000;
const IMAGE = "ghcr.io/unkeyed/sentinel:rows";

async function open(sentinels: number, env: Record<string, string>): Promise<[World, HeldLink]> {
  const { stack, link } = await startHeldStack({ sentinels, env: { DEPLOY_TIMEOUT_SECONDS: "60", ...env } });
  return [new World(stack), link];
}

/** Slack hears of a drive that does not answer when it is found; from then on the rows are asked. */
async function untilFound(world: World, invocation: string): Promise<void> {
  const told = () => world.stack.slack.messages.some(({ text }) => text.includes(invocation));
  await until("the drive to be found", told, FOUND_WITHIN_MS);
}

/** What became of the sentinels of the last rollout, by the history. */
async function historyOf(world: World) {
  await world.quiet();
  const rollout_id = (await statusOf(world)).rollout_id;
  const { body } = await world.verb<HistoryResponse>("History", { rollout_id, limit: 100 });
  const outcomes = (body.sentinels ?? []).map(({ sentinel_id, outcome }) => `${sentinel_id} ${outcome}`);
  return { numbers: body.rollouts[0], outcomes: outcomes.sort() };
}

describe("sentinels that failed before, in a rollout that was paused before it launched them", () => {
  const FLEET = ids(1, 4);
  let world: World;
  let link: HeldLink;
  let driver: string;

  beforeAll(async () => {
    [world, link] = await open(FLEET.length, {});
    await world.change("UPDATE sentinels SET k8s_name = CONCAT('gone-', id)");
    const { body } = await world.verb("Rollout", { image: IMAGE, wave_percentages: [100] });
    expect(body).toMatchObject({ state: "paused", succeeded: 0, failed: FLEET.length });
    await world.change("UPDATE sentinels SET k8s_name = CONCAT('sentinel-', SUBSTRING(id, 5))");
    await world.verb("Cancel");
    link.holdFrom("Deploy sen_");
    driver = await world.start("Rollout", { image: IMAGE, wave_percentages: [100] });
    await link.held();
    await pauseHeld(world, link, driver);
  });
  afterAll(async () => {
    await world.close();
    await link.close();
  });

  it("have not failed in it: their rows tell of the one before", async () => {
    await untilFound(world, driver);
    const told = await toldDuring(world, LOOKED_AT_MS, ({ state, succeeded, failed, skipped }) => ({
      ...{ state, succeeded, failed, skipped },
    }));
    expect(told).toEqual([{ state: "in_progress", succeeded: 0, failed: 0, skipped: 0 }]);
  });

  it("succeed once it goes on, and nobody is told of a failure", async () => {
    await press(world, driver, "resume");
    const { body } = await world.answer(driver, AbortSignal.timeout(30_000));
    expect(body).toMatchObject({ state: "completed", succeeded: FLEET.length, failed: 0, failures: [] });
    expect(await world.on(IMAGE)).toEqual(FLEET);
    const { numbers, outcomes } = await historyOf(world);
    expect(numbers).toMatchObject({ state: "completed", succeeded: FLEET.length, failed: 0 });
    expect(outcomes).toEqual(FLEET.map((id) => `${id} succeeded`));
  });
});

describe("sentinels that never took the image, in a rollback that was paused before it looked at them", () => {
  const FLEET = ids(1, 24);
  let world: World;
  let link: HeldLink;
  let rollback: string;
  let took: string[];

  beforeAll(async () => {
    [world, link] = await open(FLEET.length, { MAX_IN_FLIGHT: "8" });
    await Promise.all(FLEET.map((id) => world.fault(id, "slow:1", IMAGE)));
    const rollout = await world.start("Rollout", { image: IMAGE, wave_percentages: [100] });
    await until("the first to be in flight", async () => (await openDeploys(world)) === 8);
    await world.verb("Cancel");
    await world.answer(rollout, AbortSignal.timeout(30_000));
    took = await world.on(IMAGE);
    // The newest come first, and of those nobody was launched.
    link.holdFrom("revert sen_");
    rollback = await world.start("RollbackAll");
    await link.held();
    await pauseHeld(world, link, rollback);
  });
  afterAll(async () => {
    await world.close();
    await link.close();
  });

  it("are not reverted: their rows tell of the image that they had all along", async () => {
    expect(took).toEqual(FLEET.slice(0, 8));
    await untilFound(world, rollback);
    const told = await toldDuring(world, LOOKED_AT_MS, ({ state, succeeded, reverted }) => ({
      ...{ state, reverted, moreThanTookIt: succeeded > took.length },
    }));
    expect(told).toEqual([{ state: "rolling_back", reverted: 0, moreThanTookIt: false }]);
  });

  it("are not told of once it goes on: who took the image returns, and is counted", async () => {
    await press(world, rollback, "resume");
    const answer = await world.answer(rollback, AbortSignal.timeout(30_000));
    expect(answer).toMatchObject({
      status: 200,
      body: { reverted: took.length, total: took.length, failures: [] },
    });
    expect(await world.on(OLD)).toEqual(FLEET);
    const { succeeded, reverted, failed } = await statusOf(world);
    expect({ succeeded, reverted, failed }).toEqual({
      ...{ succeeded: took.length, reverted: took.length, failed: 0 },
    });
    const { numbers, outcomes } = await historyOf(world);
    expect(numbers).toMatchObject({ succeeded: took.length, reverted: took.length, failed: 0 });
    expect(outcomes).toEqual(took.flatMap((id) => [`${id} reverted`, `${id} succeeded`]));
  });
});
