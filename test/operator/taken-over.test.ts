import { describe, expect } from "vitest";
import type { PlanResponse } from "../../src/restate/plan-schemas.ts";
import type { RollbackResponse } from "../../src/restate/rollback-schemas.ts";
import { expectNumbers } from "../support/numbers.ts";
import { ids, it, NEW, OLD, type World } from "../support/world.ts";

const FLEET = ids(1, 8);

/** Three quarters of the fleet take the image, the others fail, and an operator stops. */
async function stopped(world: World): Promise<void> {
  await world.change("UPDATE sentinels SET k8s_name = CONCAT('gone-', id) WHERE id > 'sen_0006'");
  const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [75, 100] });
  expect(body).toMatchObject({ state: "paused", succeeded: 6, failed: 2, taken_over: 0 });
  await world.verb("Cancel");
}

/** And what is left of it fails in part: the image is bad after all. */
async function retried(world: World): Promise<void> {
  await world.change("UPDATE sentinels SET k8s_name = 'sentinel-0007' WHERE id = 'sen_0007'");
  const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
  expect(body).toMatchObject({ state: "paused", total: 2, succeeded: 1, failed: 1, taken_over: 6 });
  expect(body.message).toContain("the 6 that an earlier rollout of this image deployed");
}

describe("a rollout of the image of a cancelled one", () => {
  it.override({ options: { sentinels: 8, env: { DEPLOY_TIMEOUT_SECONDS: "60" } } });

  it("is rolled back with all that the first one deployed, and says so before", async ({ world }) => {
    await stopped(world);
    const { body: plan } = await world.verb<PlanResponse>("Plan", { image: NEW });
    expect(plan).toMatchObject({ total: 2, taken_over: 6 });
    expect(plan.message).toContain("RollbackAll will also revert 6 sentinels");
    const { body: other } = await world.verb<PlanResponse>("Plan", { image: `${NEW}-other` });
    expect(other).toMatchObject({ total: 8, taken_over: 0 });

    await retried(world);
    const { body } = await world.verb<RollbackResponse>("RollbackAll");
    expect(body).toMatchObject({ state: "cancelled", reverted: 7, total: 7, failures: [] });
    expect(await world.on(NEW)).toEqual([]);
    expect(await world.on(OLD)).toEqual(FLEET);
    const status = await world.status();
    expect(status).toMatchObject({
      total: 8,
      succeeded: 7,
      failed: 1,
      reverted: 7,
      in_flight: 0,
      taken_over: 0,
    });
    expect(status.message).toContain("7 of 7 sentinels reverted; 6 of them an earlier rollout");
    await world.quiet();
    const [last] = world.stack.slack.messages.slice(-1);
    expect(last?.text).toContain("Reverted: 7 of 7");
  });

  it("is rolled back with one that broke after it had come up, and failed again: all that is told says so", async ({
    world,
  }) => {
    await stopped(world);
    await world.change(
      "UPDATE sentinels SET k8s_name = 'gone-again', deploy_status = 'failed' WHERE id = 'sen_0004'",
    );
    await world.change("UPDATE sentinels SET k8s_name = 'sentinel-0007' WHERE id = 'sen_0007'");
    const { body: paused } = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(paused).toMatchObject({ state: "paused", total: 3, succeeded: 1, failed: 2, taken_over: 6 });
    await world.change("UPDATE sentinels SET k8s_name = 'sentinel-0004' WHERE id = 'sen_0004'");
    const { body } = await world.verb<RollbackResponse>("RollbackAll");
    expect(body).toMatchObject({ state: "cancelled", reverted: 7, total: 7, failures: [] });
    expect(await world.on(OLD)).toEqual(FLEET);
    await expectNumbers(world, { total: 8, succeeded: 7, failed: 1, skipped: 0, reverted: 7 });
    const status = await world.status();
    expect(status.message).toContain("7 of 7 sentinels reverted; 6 of them an earlier rollout");
    expect(status.message).toContain("The failed sentinel, which RollbackAll leaves alone");
    expect(status).toMatchObject({ next: ["Rollout"], failures: [{ sentinel_id: "sen_0008" }] });
    expect(world.stack.slack.messages.at(-1)?.text).toContain("Reverted: 7 of 7");
    expect(world.stack.slack.messages.at(-1)?.text).toContain("Not reverted: 0");
    const reverted = (await world.rows()).filter(({ id, image }) => id !== "sen_0008" && image === OLD);
    expect(reverted.map(({ deploy_status }) => deploy_status)).toEqual(ids(1, 7).map(() => "ready"));
  });

  it("offers no RollbackAll again once the one that failed again is archived", async ({ world }) => {
    await stopped(world);
    await world.change(
      "UPDATE sentinels SET k8s_name = 'gone-again', deploy_status = 'failed' WHERE id = 'sen_0004'",
    );
    const { body: paused } = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(paused).toMatchObject({ state: "paused", total: 3, failed: 3, taken_over: 6 });
    await world.change("UPDATE sentinels SET desired_state = 'archived' WHERE id = 'sen_0004'");
    const { body } = await world.verb<RollbackResponse>("RollbackAll");
    expect(body).toMatchObject({ reverted: 5, total: 6, skipped: 1 });
    await expectNumbers(world, { total: 8, succeeded: 6, failed: 2, skipped: 0, reverted: 5 });
    expect((await world.status()).next).toEqual(["Rollout"]);
  });

  it("and so is the next one after that", async ({ world }) => {
    await stopped(world);
    await retried(world);
    await world.verb("Cancel");
    const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(body).toMatchObject({ state: "paused", total: 1, failed: 1, taken_over: 7 });
    const { body: back } = await world.verb<RollbackResponse>("RollbackAll");
    expect(back).toMatchObject({ reverted: 7, total: 7 });
    expect(await world.on(NEW)).toEqual([]);
  });
});
