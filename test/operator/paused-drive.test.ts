import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { ids, OLD, World } from "../support/world.ts";
import { openDeploys, press, statusOf } from "./outside.ts";

const FLEET = ids(1, 9);
/** Somebody who looks at Status sees within this time what is wrong. */
const NAMED_WITHIN_MS = 45_000;
/** What drives nothing answers within this time, as in concurrency.test.ts: there is nothing in flight to set it against. */
const AT_ONCE_MS = 1_000;
const IMAGE = "ghcr.io/unkeyed/sentinel:paused";

/** The fleet of a drive that takes seconds: three at a time, each of them one. */
async function open(): Promise<World> {
  const env = { MAX_IN_FLIGHT: "3", DEPLOY_TIMEOUT_SECONDS: "60" };
  const world = new World(await startStack({ sentinels: FLEET.length, env }));
  await Promise.all(FLEET.map((id) => world.fault(id, "slow:1")));
  return world;
}

/** What the UI's button does; it takes effect once the service lets go of the invocation. */
async function pause(world: World, invocation: string): Promise<void> {
  await press(world, invocation, "pause");
  await until("the invocation to be paused", async () => {
    const [row] = await world.sql<{ status: string }>(
      `SELECT status FROM sys_invocation WHERE id = '${invocation}'`,
    );
    return row?.status === "paused";
  });
}

/** Status names who has to be resumed, and says what can be done. */
async function isNamed(world: World, invocation: string, pausedMs: number): Promise<void> {
  const leftMs = pausedMs + NAMED_WITHIN_MS - Date.now();
  const look = async () => (await statusOf(world)).message;
  await until("Status to name it", async () => (await look()).includes(invocation), leftMs).catch(
    () => undefined,
  );
  const message = await look();
  expect(message).toContain(invocation);
  expect(message).toMatch(/resume|cancel/i);
}

function messagesAbout(world: World, invocation: string): number {
  return world.stack.slack.messages.filter(({ text }) => text.includes(invocation)).length;
}

describe("a rollout whose driving invocation is paused in Restate in mid-wave", () => {
  let world: World;
  let driver: string;
  let pausedMs: number;
  let took: string[];

  beforeAll(async () => {
    world = await open();
    driver = await world.start("Rollout", { image: IMAGE, wave_percentages: [100] });
    await until("the middle of the wave", async () => {
      const { succeeded } = await statusOf(world);
      return succeeded >= 2 && (await openDeploys(world)) > 0;
    });
    await pause(world, driver);
    pausedMs = Date.now();
    await until("the rows to have settled", async () => {
      const rows = await world.rows();
      return (
        rows.every(({ deploy_status }) => deploy_status !== "progressing") && (await openDeploys(world)) === 0
      );
    });
    took = await world.on(IMAGE);
  });
  afterAll(() => world.close());

  it("stands in mid-wave", async () => {
    expect(took.length).toBeGreaterThan(0);
    expect(took.length).toBeLessThan(FLEET.length);
    expect(await statusOf(world)).toMatchObject({
      state: "in_progress",
      next: expect.arrayContaining(["Cancel"]),
    });
  });

  it("is named in Status, with what to do", () => isNamed(world, driver, pausedMs));

  it("has nothing in flight once the rows have settled", async () => {
    const leftMs = pausedMs + NAMED_WITHIN_MS - Date.now();
    const isZero = async () => (await statusOf(world)).in_flight === 0;
    await until("in_flight to be 0", isZero, leftMs).catch(() => undefined);
    expect((await statusOf(world)).in_flight).toBe(0);
  });

  it("is told to Slack", () =>
    until("Slack to hear of it", () => messagesAbout(world, driver) > 0, 15_000).then(() => undefined));

  it("can be cancelled at once", async () => {
    const began = performance.now();
    const { status, body } = await world.verb("Cancel");
    expect({ status, state: body.state }).toEqual({ status: 200, state: "cancelled" });
    expect(performance.now() - began).toBeLessThan(AT_ONCE_MS);
  });

  it("can be rolled back without it: all that took the image return", async () => {
    const rollback = await world.start("RollbackAll");
    const answer = await world.answer<{ reverted: number; total: number; state: string }>(
      rollback,
      AbortSignal.timeout(30_000),
    );
    expect(answer).toMatchObject({
      status: 200,
      body: { reverted: took.length, total: took.length, state: "cancelled" },
    });
    expect(await world.on(OLD)).toEqual(FLEET);
  });

  it("is not in the way of a new rollout", async () => {
    const rollout = await world.start("Rollout", { image: `${IMAGE}-next`, wave_percentages: [100] });
    const { body } = await world.answer(rollout, AbortSignal.timeout(30_000));
    expect(body).toMatchObject({ state: "completed", succeeded: FLEET.length, failed: 0 });
  });

  it("was told to Slack once", () => {
    expect(messagesAbout(world, driver)).toBe(1);
  });

  it("does no harm when it is resumed after all", async () => {
    const before = await statusOf(world);
    await press(world, driver, "resume");
    await world.answer(driver, AbortSignal.timeout(30_000));
    await until("no Deploy to run", async () => (await openDeploys(world)) === 0);
    const { state, rollout_id, image, succeeded, reverted } = await statusOf(world);
    expect({ state, rollout_id, image, succeeded, reverted }).toEqual({
      state: "completed",
      rollout_id: before.rollout_id,
      image: `${IMAGE}-next`,
      succeeded: FLEET.length,
      reverted: 0,
    });
    expect(await world.on(`${IMAGE}-next`)).toEqual(FLEET);
  });
});

describe("a rollback whose driving invocation is paused in Restate", () => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });
  afterAll(() => world.close());

  it("is named in Status, with what to do, and completes when it is resumed", async () => {
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0009'");
    const paused = await world.verb("Rollout", { image: IMAGE, wave_percentages: [100] });
    expect(paused.body).toMatchObject({ state: "paused", succeeded: 8, failed: 1 });
    const driver = await world.start("RollbackAll");
    await until("the rollback to be under way", async () => (await openDeploys(world)) > 0);
    await pause(world, driver);
    await isNamed(world, driver, Date.now());
    await press(world, driver, "resume");
    const { body } = await world.answer<{ reverted: number; state: string }>(driver);
    expect(body).toMatchObject({ reverted: 8, state: "cancelled" });
    expect(await world.on(OLD)).toEqual(FLEET);
  });
});
