import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { ids, it, NEW, OLD } from "../support/world.ts";

const FAST = { DEPLOY_TIMEOUT_SECONDS: "4" };

describe("a sentinel that fails in wave 3 of 100", () => {
  it.override({ options: { sentinels: 100, env: FAST } });

  it("pauses the rollout; the 24 that succeeded so far keep the new image, and Resume goes on without it", async ({
    world,
  }) => {
    await world.fault("sen_0017", "ImagePullBackOff", NEW);
    const { status, body } = await world.verb("Rollout", { image: NEW });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      state: "paused",
      wave: 3,
      waves: 5,
      total: 100,
      succeeded: 24,
      failed: 1,
      next: ["Resume", "RetryFailed", "Cancel", "RollbackAll", "Abort", "Freeze"],
    });
    expect(body.failures).toHaveLength(1);
    expect(body.failures[0]?.sentinel_id).toBe("sen_0017");
    expect(body.failures[0]?.reason).toMatch(/^ImagePullBackOff: /);
    expect(await world.row("sen_0017")).toMatchObject({
      deploy_status: "failed",
      running_image: OLD,
      deploy_error: body.failures[0]?.reason,
    });
    expect(await world.on(NEW)).toEqual(ids(1, 25));
    expect(await world.state()).toMatchObject({
      state: "paused",
      currentWave: 2,
      failedIds: ["sen_0017"],
      pauseReason: "wave 3/5: 1 of 20 sentinels failed",
    });

    const resumed = await world.verb("Resume");
    expect(resumed.body).toMatchObject({ state: "completed", succeeded: 99, failed: 1, next: ["Rollout"] });
    expect(await world.row("sen_0017")).toMatchObject({ deploy_status: "failed", running_image: OLD });
    await world.quiet();
    expect(world.slack()).toEqual([
      "Sentinel rollout started",
      "Sentinel rollout: wave 1/5 started",
      "Sentinel rollout: wave 1/5 completed",
      "Sentinel rollout: wave 2/5 started",
      "Sentinel rollout: wave 2/5 completed",
      "Sentinel rollout: wave 3/5 started",
      "Sentinel rollout paused in wave 3/5",
      "Sentinel rollout resumed",
      "Sentinel rollout: wave 4/5 started",
      "Sentinel rollout: wave 4/5 completed",
      "Sentinel rollout: wave 5/5 started",
      "Sentinel rollout: wave 5/5 completed",
      "Sentinel rollout completed",
    ]);
    const failures = world.stack.service.logs().filter((line) => line.msg === "sentinel deploy failed");
    expect(failures).toEqual([
      expect.objectContaining({ sentinelId: "sen_0017", rolloutId: body.rollout_id, wave: 3 }),
    ]);
  });
});

describe("a paused rollout", () => {
  it.override({ options: { sentinels: 10, env: FAST } });

  it("is rolled back to each sentinel's own previous image, and leaves the failed one alone", async ({
    world,
  }) => {
    expect((await world.deploy("sen_0002", { image: "ghcr.io/unkeyed/sentinel:v1.2.1" })).body.status).toBe(
      "ready",
    );
    await world.fault("sen_0004", "CrashLoopBackOff", NEW);
    const paused = await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
    expect(paused.body).toMatchObject({ state: "paused", succeeded: 4, failed: 1 });
    const { status, body } = await world.verb<object>("RollbackAll");
    expect(status).toBe(200);
    expect(body).toMatchObject({ reverted: 4, total: 4, failures: [], state: "cancelled" });
    const images = await world.images();
    expect(images.get("sen_0001")).toBe(OLD);
    expect(images.get("sen_0002")).toBe("ghcr.io/unkeyed/sentinel:v1.2.1");
    expect(images.get("sen_0004")).toBe(NEW);
    expect(await world.row("sen_0004")).toMatchObject({ deploy_status: "failed" });
    for (const id of ["sen_0001", "sen_0003", "sen_0005"]) {
      expect(await world.row(id)).toMatchObject({ image: OLD, running_image: OLD, deploy_status: "ready" });
    }
    expect([...((await world.state())?.revertedIds ?? [])].sort()).toEqual([
      "sen_0001",
      "sen_0002",
      "sen_0003",
      "sen_0005",
    ]);
    await world.quiet();
    expect(world.slack().slice(-2)).toEqual(["Sentinel rollback started", "Sentinel rollback completed"]);
  });

  it("is retried for the failed sentinels by a new rollout of the same image", async ({ world }) => {
    await world.fault("sen_0003", "ImagePullBackOff", NEW);
    expect((await world.verb("Rollout", { image: NEW, wave_percentages: [100] })).body).toMatchObject({
      state: "paused",
      failed: 1,
    });
    expect((await world.verb("Cancel")).body.state).toBe("cancelled");
    // What was wrong is mended, and nobody touches the Deployment.
    await world.annotate("sen_0003", { "sentinel-rollout.dev/fault": "" });
    const again = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(again.body).toMatchObject({ state: "completed", total: 1, succeeded: 1, failed: 0 });
    expect((await world.state())?.previousImages).toEqual({ sen_0003: OLD });
    expect(await world.row("sen_0003")).toMatchObject({
      deploy_status: "ready",
      running_image: NEW,
      deploy_error: null,
    });
  });

  it("leaves alone and reports a sentinel that somebody moved since", async ({ world }) => {
    await world.fault("sen_0005", "NeverReady", NEW);
    await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
    const other = "ghcr.io/unkeyed/sentinel:v2.0.0";
    await world.deploy("sen_0001", { image: other });
    const { body } = await world.verb<{ failures: { sentinel_id: string; reason: string }[] }>("RollbackAll");
    expect(body).toMatchObject({ reverted: 3, total: 4, state: "cancelled" });
    expect(body.failures).toEqual([
      { sentinel_id: "sen_0001", reason: `left alone: moved to ${other} since` },
    ]);
    expect((await world.images()).get("sen_0001")).toBe(other);
  });

  it("retries on a second RollbackAll just those that did not revert", async ({ world }) => {
    await world.fault("sen_0005", "NeverReady", NEW);
    await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await world.fault("sen_0002", "slow:30", OLD);
    await world.patchTemplate("sen_0002");
    const first = await world.verb<object>("RollbackAll");
    expect(first.body).toMatchObject({ reverted: 3, total: 4 });
    expect((await world.state())?.revertedIds).not.toContain("sen_0002");
    await world.annotate("sen_0002", { "sentinel-rollout.dev/fault": "" });
    await world.patchTemplate("sen_0002");
    await world.change(`UPDATE sentinels SET image = '${NEW}' WHERE id = 'sen_0002'`);
    const second = await world.verb<object>("RollbackAll");
    expect(second.body).toMatchObject({ reverted: 1, total: 1, failures: [] });
    expect((await world.state())?.revertedIds).toContain("sen_0002");
  });
});

describe("Cancel in the middle of a wave", () => {
  it.override({ options: { sentinels: 10, env: { MAX_IN_FLIGHT: "2" } } });

  it("answers before what is in flight is done, launches nothing more, and records it", async ({ world }) => {
    await Promise.all(ids(1, 10).map((id) => world.fault(id, "slow:10", NEW)));
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
    await until("two sentinels in flight", async () => (await world.on(NEW)).length === 2);
    const cancel = await world.start("Cancel");
    const { status, body } = await world.answer(cancel);
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: "cancelled", next: ["Rollout", "RollbackAll"] });
    const atCancel = await world.on(NEW);
    const answer = (await world.answer(rollout)).body;
    expect(answer).toMatchObject({ state: "cancelled", failed: 0, succeeded: atCancel.length });
    await world.quiet();
    const [cancelled] = await world.times(`id = '${cancel}'`);
    const deploys = await world.times("target LIKE '%/Deploy'");
    expect(deploys).toHaveLength(2);
    for (const { completedMs } of deploys) expect(completedMs).toBeGreaterThan(cancelled?.completedMs ?? 0);
    expect(await world.on(NEW)).toEqual(atCancel);
    expect([...((await world.state())?.succeededIds ?? [])].sort()).toEqual(atCancel);

    const { body: back } = await world.verb<object>("RollbackAll");
    expect(back).toMatchObject({ reverted: atCancel.length, total: atCancel.length, state: "cancelled" });
    expect(await world.on(OLD)).toEqual(ids(1, 10));
  });

  it("can be followed by RollbackAll at once: what is in flight follows as it settles", async ({ world }) => {
    await world.fault("sen_0001", "slow:4", NEW);
    await world.fault("sen_0003", "slow:5", NEW);
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await world.untilState("two to have succeeded", ({ succeededIds }) => succeededIds.length >= 1);
    await world.verb("Cancel");
    const { body } = await world.verb<{ reverted: number; total: number }>("RollbackAll");
    expect(body.reverted).toBe(body.total);
    expect((await world.answer(rollout)).body.state).toBe("cancelled");
    await world.quiet();
    expect(await world.on(OLD)).toEqual(ids(1, 10));
    const state = await world.state();
    expect([...(state?.revertedIds ?? [])].sort()).toEqual([...(state?.succeededIds ?? [])].sort());
  });

  it("is legal from paused, and frees the way for another rollout", async ({ world }) => {
    await world.change("UPDATE sentinels SET k8s_name = 'not-there' WHERE id = 'sen_0002'");
    expect((await world.verb("Rollout", { image: NEW, wave_percentages: [20, 100] })).body).toMatchObject({
      state: "paused",
    });
    expect((await world.verb("Cancel")).body.state).toBe("cancelled");
    expect((await world.verb("Cancel")).status).toBe(409);
    expect((await world.verb("Resume")).status).toBe(409);
  });
});
