import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { it, NEW, OLD, type World } from "../support/world.ts";

const [ONE, OTHER] = ["sen_0002", "sen_0003"] as const;

/** What a retry leaves on the pod template. */
const RESTARTED_AT = "sentinel-rollout.dev/restarted-at";

/** Two have failed, and are deployed again: the one comes up after some seconds, the other one not. */
async function retrying(world: World): Promise<string> {
  for (const id of [ONE, OTHER]) await world.fault(id, "ImagePullBackOff", NEW);
  const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
  expect(body).toMatchObject({ state: "paused", succeeded: 1, failed: 2 });
  await world.fault(ONE, "slow:4", NEW);
  const retry = await world.start("RetryFailed", {});
  await until("both to be deployed again", async () => {
    const deployments = await world.deployments();
    const annotations = [ONE, OTHER].map((id) => deployments.get(id)?.spec?.template.metadata?.annotations);
    return annotations.every((each) => each?.[RESTARTED_AT] !== undefined);
  });
  return retry;
}

describe("a retry that is disturbed", () => {
  it.override({ options: { sentinels: 6, env: { DEPLOY_TIMEOUT_SECONDS: "60", FAIL_FAST_SECONDS: "2" } } });

  it("by the death of the service goes on where it was", async ({ world }) => {
    const retry = await retrying(world);
    await world.stack.service.process.signal("SIGKILL");
    await world.stack.service.process.start();
    expect((await world.answer(retry)).body).toMatchObject({ state: "paused", succeeded: 2, failed: 1 });
    expect(await world.row(ONE)).toMatchObject({ deploy_status: "ready", running_image: NEW });
  });

  it("by the death of its invocation leaves them failed, and RollbackAll goes by their rows: who came up is reverted", async ({
    world,
  }) => {
    const retry = await retrying(world);
    await world.end(retry, "kill");
    await world.untilState("paused", ({ state }) => state === "paused");
    const status = await world.status();
    expect(status).toMatchObject({ pause_kind: "interrupted", succeeded: 1, failed: 2, in_flight: 0 });
    expect(status.message).toContain("without a result whose rows say so");
    await until("it to come up all the same", async () => (await world.row(ONE)).running_image === NEW);
    const { body } = await world.verb<{ reverted: number; total: number }>("RollbackAll");
    // The row of the other one says that it is under way: it may come up yet, and goes back, too.
    expect(body).toMatchObject({ reverted: 3, total: 3, state: "cancelled" });
    await world.quiet();
    expect(await world.row(ONE)).toMatchObject({ image: OLD, running_image: OLD, deploy_status: "ready" });
    expect(await world.on(NEW)).toEqual([]);
    expect(await world.status()).toMatchObject({ state: "cancelled", succeeded: 3, reverted: 3, failed: 0 });
  });

  it("by a cancellation of its invocation settles, is recorded, and can be asked for again", async ({
    world,
  }) => {
    const retry = await retrying(world);
    await world.end(retry, "cancel");
    expect((await world.answer(retry)).body).toMatchObject({
      ...{ state: "paused", pause_kind: "interrupted", succeeded: 2, failed: 1 },
    });
    await world.fault(OTHER, "");
    const { body } = await world.verb("RetryFailed", { resume: true });
    expect(body).toMatchObject({ state: "completed", succeeded: 6, failed: 0 });
  });

  it("by an Abort goes back, and takes with it who comes up meanwhile", async ({ world }) => {
    const retry = await retrying(world);
    const { body } = await world.verb<{ reverted: number; total: number }>("Abort");
    expect(body).toMatchObject({ reverted: 2, total: 2, state: "cancelled" });
    expect((await world.answer(retry)).body).toMatchObject({ state: "cancelled" });
    expect((await world.row(ONE)).running_image).toBe(OLD);
  });
});
