import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { ids, it, NEW, OLD, type World } from "../support/world.ts";

const [ONE, OTHER] = ["sen_0002", "sen_0003"] as const;

/** Two of the first of two waves fail, and the rollout is paused. */
async function twoFailed(world: World): Promise<string> {
  for (const id of [ONE, OTHER]) await world.fault(id, "ImagePullBackOff", NEW);
  const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
  expect(body).toMatchObject({ state: "paused", wave: 1, succeeded: 1, failed: 2, pause_kind: "failure" });
  expect(body.next).toContain("RetryFailed");
  return body.rollout_id;
}

const mend = (world: World, id: string) => world.fault(id, "");

/** A retry that takes so long (s) that something can happen meanwhile. */
const slow = (world: World, id: string, seconds: number) => world.fault(id, `slow:${seconds}`, NEW);

const progressing = (world: World, id: string) =>
  until(`${id} to be deployed again`, async () => (await world.row(id)).deploy_status === "progressing");

describe("failed sentinels of a paused rollout", () => {
  it.override({ options: { sentinels: 6, env: { DEPLOY_TIMEOUT_SECONDS: "4" } } });

  it("are deployed again: those whose cause is mended come up, the others fail anew", async ({ world }) => {
    await twoFailed(world);
    await mend(world, ONE);
    const retry = await world.start("RetryFailed", {});
    const { body } = await world.answer(retry);
    expect(body).toMatchObject({
      ...{ state: "paused", phase: "paused", pause_kind: "failure", wave: 1 },
      ...{ succeeded: 2, failed: 1, in_flight: 0, waiting: 3 },
    });
    expect(body.failures).toMatchObject([{ sentinel_id: OTHER }]);
    expect(body.message).toContain("1 of 3 sentinels failed");
    expect(await world.row(ONE)).toMatchObject({ deploy_status: "ready", running_image: NEW });
    expect((await world.journal(retry)).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["retry in wave 1/2: 2 failed sentinels", `Deploy ${ONE}`, `Deploy ${OTHER}`]),
    );

    await mend(world, OTHER);
    const again = await world.verb("RetryFailed", { sentinel_ids: [OTHER] });
    expect(again.body).toMatchObject({ state: "paused", succeeded: 3, failed: 0, failures: [] });
    expect(again.body.message).toContain("none of it is failed any more");
    expect(again.body.next).not.toContain("RetryFailed");
    const nothing = await world.verb("RetryFailed");
    expect(nothing).toMatchObject({ status: 409 });
    expect(nothing.body.message).toContain("finds no failed sentinel");
    expect((await world.verb("Resume")).body).toMatchObject({ state: "completed", succeeded: 6, failed: 0 });
    await world.quiet();
    expect(world.slack()).toEqual(expect.arrayContaining(["Sentinel rollout: retrying in wave 1/2"]));
  });

  it("come up and the rollout goes on by itself, where that is asked for", async ({ world }) => {
    const rollout_id = await twoFailed(world);
    const other = await world.verb("RetryFailed", { sentinel_ids: [ONE, "sen_0001"], resume: true });
    expect(other).toMatchObject({ status: 409 });
    expect(other.body.message).toContain("sen_0001 is not among the 2 failed sentinels");
    expect(await world.state()).toMatchObject({ state: "paused", failedIds: [ONE, OTHER] });
    const late = await world.verb("RetryFailed", { rollout_id, wave: 2 });
    expect(late).toMatchObject({ status: 409 });

    await mend(world, ONE);
    const half = await world.verb("RetryFailed", { resume: true, rollout_id, wave: 1 });
    expect(half.body).toMatchObject({ state: "paused", wave: 1, failed: 1 });
    await mend(world, OTHER);
    const { body } = await world.verb("RetryFailed", { resume: true, comment: "the registry is back" });
    expect(body).toMatchObject({ state: "completed", succeeded: 6, failed: 0, total: 6 });
    expect(await world.on(NEW)).toEqual(ids(1, 6));
  });
});

describe("a retry under way", () => {
  it.override({ options: { sentinels: 6, env: { DEPLOY_TIMEOUT_SECONDS: "8", MAX_IN_FLIGHT: "1" } } });

  it("tells what it does, and is paused by Pause once what is in flight has settled", async ({ world }) => {
    await twoFailed(world);
    await slow(world, ONE, 4);
    const retry = await world.start("RetryFailed", {});
    await progressing(world, ONE);
    const status = await world.status();
    expect(status).toMatchObject({ state: "in_progress", phase: "retrying", succeeded: 1, in_flight: 1 });
    expect(status.succeeded + status.failed + status.skipped + status.in_flight + status.waiting).toBe(6);
    expect((await world.verb("Pause")).body).toMatchObject({ phase: "pausing" });
    const { body } = await world.answer(retry);
    expect(body).toMatchObject({ state: "paused", pause_kind: "operator", succeeded: 2, failed: 1 });
    expect(body.failures).toMatchObject([{ sentinel_id: OTHER }]);
  });

  it("settles after a Cancel, and RollbackAll reverts who came up", async ({ world }) => {
    await twoFailed(world);
    await slow(world, ONE, 4);
    const retry = await world.start("RetryFailed", {});
    await progressing(world, ONE);
    expect((await world.verb("Cancel")).body).toMatchObject({ state: "cancelled", in_flight: 1 });
    expect((await world.answer(retry)).body).toMatchObject({ state: "cancelled", succeeded: 2, failed: 1 });
    const { body } = await world.verb<{ reverted: number; total: number }>("RollbackAll");
    expect(body).toMatchObject({ reverted: 2, total: 2 });
    expect((await world.row(ONE)).running_image).toBe(OLD);
  });
});
