import { describe, expect } from "vitest";
import type { RollbackResponse } from "../../src/restate/rollback-schemas.ts";
import { expectNumbers, expectSums } from "../support/numbers.ts";
import { until } from "../support/until.ts";
import { ids, it, NEW, OLD, type World } from "../support/world.ts";

const HOTFIX = "ghcr.io/unkeyed/sentinel:v1.2.3-hotfix";

/** All but the last one take the image; that one fails, so that RollbackAll is legal. */
async function rolledOut(world: World, sentinels: number): Promise<void> {
  const last = `sen_${String(sentinels).padStart(4, "0")}`;
  await world.change(`UPDATE sentinels SET k8s_name = 'gone' WHERE id = '${last}'`);
  const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
  expect(body).toMatchObject({ state: "paused", succeeded: sentinels - 1, failed: 1 });
}

async function rollbackAll(world: World): Promise<RollbackResponse> {
  const { status, body } = await world.verb<RollbackResponse>("RollbackAll");
  expect(status).toBe(200);
  return body;
}

async function rowOf(world: World, id: string) {
  const { image, deploy_status, deploy_error } = await world.row(id);
  return { image, deploy_status, deploy_error };
}

describe("RollbackAll", () => {
  it.override({ options: { sentinels: 9, env: { DEPLOY_TIMEOUT_SECONDS: "60" } } });

  it("counts who runs the previous image, skips who is gone, and leaves alone who was moved since", async ({
    world,
  }) => {
    await rolledOut(world, 9);
    // By kubectl: the row still says what the rollout wrote.
    await world.setImage("sen_0001", HOTFIX);
    await until("the hotfix to run", async () => (await world.row("sen_0001")).running_image === HOTFIX);
    await world.change("UPDATE sentinels SET desired_state = 'archived' WHERE id = 'sen_0002'");
    await world.remove("sen_0002");
    await world.change("UPDATE sentinels SET desired_state = 'standby' WHERE id = 'sen_0003'");
    await world.change("DELETE FROM sentinels WHERE id = 'sen_0004'");
    await world.remove("sen_0005");
    const kept = ["sen_0001", "sen_0002", "sen_0003", "sen_0005", "sen_0009"];
    const before = await Promise.all(kept.map((id) => rowOf(world, id)));
    const hotfixed = (await world.deployments()).get("sen_0001");

    const first = await rollbackAll(world);
    expect(first).toMatchObject({ state: "cancelled", total: 8, reverted: 3, skipped: 4, moved: 1 });
    expect(first.failures).toEqual([
      { sentinel_id: "sen_0001", reason: `left alone: moved to ${HOTFIX} since` },
    ]);
    expect(Object.fromEntries(first.skips.map((skip) => [skip.sentinel_id, skip.reason]))).toEqual({
      sen_0002: "its desired state is archived",
      sen_0003: "its desired state is standby",
      sen_0004: "it has no row any more",
      sen_0005: "its Deployment is gone",
    });
    expect(first.message).not.toContain("again");
    expect([...((await world.state())?.revertedIds ?? [])].sort()).toEqual(ids(6, 8));
    expect(await world.on(OLD)).toEqual(ids(6, 9));
    expect((await world.deployments()).get("sen_0001")?.metadata?.resourceVersion).toBe(
      hotfixed?.metadata?.resourceVersion,
    );
    expect(await Promise.all(kept.map((id) => rowOf(world, id)))).toEqual(before);

    const again = await rollbackAll(world);
    expect(again).toMatchObject({ total: 5, reverted: 0, skipped: 4, moved: 1 });
    expect(again.message).not.toContain("again");
    await expectNumbers(world, { total: 9, succeeded: 8, failed: 1, skipped: 0, reverted: 3 });
  });

  it("reverts who was retired and is running again, when it is asked again", async ({ world }) => {
    await rolledOut(world, 9);
    await world.change("UPDATE sentinels SET desired_state = 'standby' WHERE id = 'sen_0003'");
    expect(await rollbackAll(world)).toMatchObject({ total: 8, reverted: 7, skipped: 1 });
    await world.change("UPDATE sentinels SET desired_state = 'running' WHERE id = 'sen_0003'");
    expect(await rollbackAll(world)).toMatchObject({ total: 1, reverted: 1, skipped: 0 });
    expect(await world.on(NEW)).toEqual([]);
  });
});

describe("a rollback that takes its time", () => {
  it.override({ options: { sentinels: 6, env: { MAX_IN_FLIGHT: "1", DEPLOY_TIMEOUT_SECONDS: "60" } } });

  it("counts who took the image as such while it looks at those whose turn never came, also if they are archived", async ({
    world,
  }) => {
    await world.fault("sen_0003", "slow:1", NEW);
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [34, 100] });
    await until("the second wave to begin", async () => (await world.status()).wave === 2);
    await world.verb("Cancel");
    await world.answer(rollout);
    const { succeeded: took } = await world.status();
    await world.change("UPDATE sentinels SET desired_state = 'archived' WHERE id = 'sen_0006'");
    let over = false;
    const rollback = world.verb<RollbackResponse>("RollbackAll").finally(() => {
      over = true;
    });
    await expectSums(world, () => over);
    const { body } = await rollback;
    expect(body).toMatchObject({ reverted: took, total: took, skipped: 0, failures: [], skips: [] });
    await expectNumbers(world, { total: 6, succeeded: took, failed: 0, skipped: 0, reverted: took });
  });

  it("overwrites no hotfix of its last hour: each is looked at when its turn has come", async ({ world }) => {
    await rolledOut(world, 6);
    await world.fault("sen_0005", "slow:3", OLD);
    const rollback = await world.start("RollbackAll");
    await until("the first revert to be under way", async () => (await world.on(OLD)).includes("sen_0005"));
    await world.setImage("sen_0001", HOTFIX);
    const { body } = await world.answer<RollbackResponse>(rollback);
    expect(body).toMatchObject({ total: 5, reverted: 4, moved: 1 });
    expect((await world.images()).get("sen_0001")).toBe(HOTFIX);
    expect(await world.row("sen_0001")).toMatchObject({ image: NEW, deploy_status: "ready" });
  });

  it("restores the row of one that is archived while its revert is under way", async ({ world }) => {
    await rolledOut(world, 6);
    await world.fault("sen_0005", "NeverReady", OLD);
    const rollback = await world.start("RollbackAll");
    await until("the first revert to be under way", async () => (await world.on(OLD)).includes("sen_0005"));
    await world.change("UPDATE sentinels SET desired_state = 'archived' WHERE id = 'sen_0005'");
    await world.remove("sen_0005");
    const { body } = await world.answer<RollbackResponse>(rollback);
    expect(body).toMatchObject({ total: 5, reverted: 4, skipped: 1 });
    expect(await world.row("sen_0005")).toMatchObject({ deploy_status: "ready", deploy_error: null });
  });

  it("tells every line, message and outcome of it under the rollout's id", async ({ world }) => {
    await rolledOut(world, 6);
    const { rollout_id } = await world.status();
    await rollbackAll(world);
    await world.quiet();
    const lines = world.stack.service.logs().filter(({ msg }) => msg === "sentinel deploy ready");
    expect(lines.length).toBe(10);
    for (const line of lines) expect(line).toMatchObject({ rolloutId: rollout_id });
    const told = world.stack.slack.messages.map(({ blocks }) => JSON.stringify(blocks));
    for (const each of told) expect(each).toContain(rollout_id);
  });
});

describe("a sentinel that misses its deadline, and comes up later", () => {
  it.override({ options: { sentinels: 5, env: { DEPLOY_TIMEOUT_SECONDS: "10" } } });

  it("is left alone as one that failed, and RollbackAll, Status and Slack say that it serves the image", async ({
    world,
  }) => {
    await world.fault("sen_0005", "slow:14", NEW);
    const { body: paused } = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(paused).toMatchObject({ state: "paused", succeeded: 4, failed: 1 });
    expect(await world.status()).toMatchObject({ failed_on_image: 1, failed_serving: 0 });
    await until("it to have come up", async () => {
      const { running_image, health } = await world.row("sen_0005");
      return running_image === NEW && health === "healthy";
    });
    const body = await rollbackAll(world);
    expect(body).toMatchObject({ reverted: 4, total: 4, failed_on_image: 1, failed_serving: 1 });
    const note = "is set to the image and serves it";
    expect(body.message).toContain(note);
    expect(await world.on(NEW)).toEqual(["sen_0005"]);
    expect((await world.status()).message).toContain(note);
    await world.quiet();
    expect(world.stack.slack.messages.at(-1)?.text).toContain(note);
  });

  it("is named after a retry that left it out, too", async ({ world }) => {
    await world.fault("sen_0004", "NeverReady", NEW);
    await world.fault("sen_0005", "slow:14", NEW);
    await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    await until("it to have come up", async () => {
      const { running_image, health, deploy_status } = await world.row("sen_0005");
      return running_image === NEW && health === "healthy" && deploy_status === "ready";
    });
    await world.verb("Cancel");
    const { body: retried } = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(retried).toMatchObject({ state: "paused", total: 1, failed: 1, taken_over: 3 });
    const body = await rollbackAll(world);
    expect(body).toMatchObject({ reverted: 3, total: 3, failed_on_image: 2, failed_serving: 1 });
    const note =
      "Of the 2 failed sentinels (1 of them in an earlier rollout of this image), which RollbackAll leaves alone, 2 are set to the image, and 1 serves it";
    expect(body.message).toContain(note);
    expect((await world.status()).message).toContain(note);
    await world.quiet();
    expect(world.stack.slack.messages.at(-1)?.text).toContain(note);
  });

  it("counts as set to the image where its Deployment is, whatever its row says", async ({ world }) => {
    await world.fault("sen_0005", "NeverReady", NEW);
    await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(await world.status()).toMatchObject({ state: "paused", failed_on_image: 1, failed_serving: 0 });
    await world.setImage("sen_0005", HOTFIX);
    expect(await world.row("sen_0005")).toMatchObject({ image: NEW });
    const status = await world.status();
    expect(status).toMatchObject({ failed_on_image: 0, failed_serving: 0 });
    expect(status.message).toContain("is not set to the image.");
  });
});
