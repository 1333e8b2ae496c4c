import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { ids, World } from "../support/world.ts";
import { openDeploys } from "./outside.ts";

const FLEET = ids(1, 6);
/** They come up in seconds: long enough to be in flight when somebody acts. */
const SLOW = FLEET.slice(2);
const SETTLED = "Sentinel rollout cancelled: all in flight have settled";
const UNKNOWN = "Sentinel rollout cancelled: not all results are known";

let world: World;
let images = 0;
/** So many messages were there before the story. */
let before = 0;
let rollout = "";

beforeAll(async () => {
  world = new World(await startStack({ sentinels: FLEET.length }));
});
afterAll(() => world.close());
beforeEach(() => {
  before = world.slack().length;
});
afterEach(async () => {
  if ((await world.status()).state === "paused") await world.verb("Cancel");
  await world.quiet();
});

/** A wave of all, whose last four are in flight while the first two have a result. */
async function inFlight(waves = [100]): Promise<void> {
  for (const id of SLOW) await world.fault(id, "slow:3");
  const image = `ghcr.io/unkeyed/sentinel:word${++images}`;
  rollout = await world.start("Rollout", { image, wave_percentages: waves });
  await until("the slow ones to be in flight alone", async () => {
    const { succeeded, in_flight } = await world.status();
    return succeeded === 2 && in_flight === SLOW.length;
  });
}

function headers(): string[] {
  return world.slack().slice(before);
}

function textOf(header: string): string {
  const at = world.slack().lastIndexOf(header);
  return world.stack.slack.messages[at]?.text ?? `nobody heard of: ${header}`;
}

/** Numbers of MySQL's table, Status, and the history, as they are at rest. */
async function everywhere(): Promise<number[]> {
  await world.quiet();
  const status = await world.status();
  const { body } = await world.verb<{ rollouts: { succeeded: number }[] }>("History", {
    rollout_id: status.rollout_id,
  });
  const rows = (await world.rows()).filter((row) => row.running_image === status.image);
  return [status.succeeded, body.rollouts[0]?.succeeded ?? 0, rows.length];
}

describe("Cancel with Deploys in flight", () => {
  it("is told with their number, and Slack's last word is what they came to, once", async () => {
    await inFlight();
    const { body } = await world.verb("Cancel");
    expect(body).toMatchObject({ state: "cancelled", succeeded: 2, in_flight: 4 });
    await world.answer(rollout);
    expect(await everywhere()).toEqual([6, 6, 6]);
    expect(headers().slice(-2)).toEqual(["Sentinel rollout cancelled in wave 1/1", SETTLED]);
    expect(textOf("Sentinel rollout cancelled in wave 1/1")).toMatch(
      /On the new image: 2 of 6 \(33 %\).*The 4 Deploys in flight settle by themselves/,
    );
    expect(textOf(SETTLED)).toContain("On the new image: 6 of 6 (100 %)");
  });

  it.each(["SIGKILL", "SIGTERM"] as const)(
    "is told once, also when the service ends by %s meanwhile",
    async (signal) => {
      await inFlight();
      await world.verb("Cancel");
      const { process } = world.stack.service;
      if (signal === "SIGKILL") await process.signal(signal);
      else await process.stop();
      await process.start();
      await world.answer(rollout);
      expect(await everywhere()).toEqual([6, 6, 6]);
      expect(headers().filter((header) => header === SETTLED)).toHaveLength(1);
      expect(headers().at(-1)).toBe(SETTLED);
    },
  );

  it("is told with what is not known when the drive is killed meanwhile", async () => {
    await inFlight();
    await world.verb("Cancel");
    await world.end(rollout, "kill");
    await until("Slack to have heard of it", () => headers().includes(UNKNOWN));
    await world.quiet();
    expect(headers().slice(-2)).toEqual(["Sentinel rollout cancelled in wave 1/1", UNKNOWN]);
    expect(textOf(UNKNOWN)).toMatch(/On the new image: 2 of 6 \(33 %\).* 4 Deploys in flight have no result/);
    expect(await world.status()).toMatchObject({
      succeeded: 2,
      waiting: 4,
      next: ["Rollout", "RollbackAll"],
    });
  });

  it("leaves the last word to a rollback, whose start counts those in flight", async () => {
    await inFlight();
    await world.verb("Cancel");
    const { body } = await world.verb<{ reverted: number; total: number }>("RollbackAll");
    expect(body).toMatchObject({ reverted: 6, total: 6 });
    await world.quiet();
    expect(headers().slice(-3)).toEqual([
      "Sentinel rollout cancelled in wave 1/1",
      "Sentinel rollback started",
      "Sentinel rollback completed",
    ]);
    expect(textOf("Sentinel rollback started")).toContain(
      "To revert: 2, and up to 4 in flight as they settle",
    );
    expect(textOf("Sentinel rollback completed")).toContain("Reverted: 6 of 6 (100 %)");
    expect((await world.status()).next).toEqual(["Rollout"]);
  });
});

it("Cancel of a paused rollout is the last word itself", async () => {
  await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0001'");
  const image = `ghcr.io/unkeyed/sentinel:word${++images}`;
  const { body } = await world.verb("Rollout", { image, wave_percentages: [10, 100] });
  // Nothing took the image: nothing is to be reverted.
  expect(body).toMatchObject({
    state: "paused",
    failed: 1,
    next: ["Resume", "RetryFailed", "Cancel", "Abort", "Freeze"],
  });
  expect(body.message).toContain("Resume: go on with wave 2; the 1 failed is not retried.");
  expect(body.message).not.toContain("RollbackAll");
  await world.verb("Cancel");
  await world.change("UPDATE sentinels SET k8s_name = 'sentinel-0001' WHERE id = 'sen_0001'");
  await world.quiet();
  expect(headers().at(-1)).toBe("Sentinel rollout cancelled in wave 1/2");
  expect(textOf("Sentinel rollout cancelled in wave 1/2")).not.toContain("in flight");
  expect((await world.status()).next).toEqual(["Rollout"]);
  const { status, body: nothing } = await world.verb("RollbackAll");
  expect({ status, nothing }).toMatchObject({
    status: 200,
    nothing: { reverted: 0, total: 0, state: "cancelled" },
  });
});

it("after a killed Rollout, Slack and Status say what Resume will do, and it does", async () => {
  for (const id of SLOW) await world.fault(id, "slow:3");
  const image = `ghcr.io/unkeyed/sentinel:word${++images}`;
  rollout = await world.start("Rollout", { image, wave_percentages: [80, 100] });
  await until("three to be in flight alone", async () => {
    const { succeeded, in_flight } = await world.status();
    return succeeded === 2 && in_flight === 3;
  });
  await world.end(rollout, "kill");
  await world.untilState("the pause", ({ state }) => state === "paused");
  const does = "deploy the 3 of this wave without a result, then go on with wave 2";
  const { message, next } = await world.status();
  expect(message).toContain(`Resume: ${does}. `);
  expect(next).toEqual(["Resume", "Cancel", "RollbackAll", "Abort", "Freeze"]);
  await until("Slack to have heard", () => headers().includes("Sentinel rollout paused in wave 1/2"));
  expect(textOf("Sentinel rollout paused in wave 1/2")).toContain(`*Resume* – ${does}`);
  const { body } = await world.verb("Resume");
  expect(body).toMatchObject({ state: "completed", succeeded: 6, failed: 0 });
  await until("Slack to have heard", () => headers().includes("Sentinel rollout completed"));
  expect(textOf("Sentinel rollout resumed")).toContain(`*Now:* ${does}`);
  expect(await openDeploys(world)).toBe(0);
});
