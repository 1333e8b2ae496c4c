import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { ids, it, NEW, OLD } from "../support/world.ts";

describe("the driving invocation in the middle of a wave", () => {
  it.override({ options: { sentinels: 10, env: { MAX_IN_FLIGHT: "3", DEPLOY_TIMEOUT_SECONDS: "60" } } });

  it("cancelled: its Deploys finish and are recorded, the rollout is paused, and Resume deploys the rest", async ({
    world,
  }) => {
    await Promise.all(ids(1, 10).map((id) => world.fault(id, "slow:3")));
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await until("three in flight", async () => (await world.on(NEW)).length === 3);
    await world.end(rollout, "cancel");
    const answer = await world.answer(rollout);
    expect(answer.body).toMatchObject({
      state: "paused",
      failed: 0,
      next: ["Resume", "Cancel", "RollbackAll", "Abort", "Freeze"],
    });
    expect(answer.body.message).toContain("the driving invocation was cancelled");
    const took = await world.on(NEW);
    expect(took.length).toBeLessThan(5);
    expect([...((await world.state())?.succeededIds ?? [])].sort()).toEqual(took);

    await Promise.all(ids(1, 10).map((id) => world.fault(id, "")));
    expect((await world.verb("Resume")).body).toMatchObject({ state: "completed", succeeded: 10, failed: 0 });
    expect(await world.on(NEW)).toEqual(ids(1, 10));
    await world.quiet();
    expect(world.slack().filter((header) => header.includes("wave 1/2"))).toEqual([
      "Sentinel rollout: wave 1/2 started",
      "Sentinel rollout paused in wave 1/2",
      "Sentinel rollout: wave 1/2 completed",
    ]);
  });

  it("killed: the rollout is paused before what is in flight is done, says so, and Resume skips nobody", async ({
    world,
  }) => {
    await Promise.all(ids(1, 3).map((id) => world.fault(id, "slow:12", NEW)));
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await until("three in flight", async () => (await world.on(NEW)).length === 3);
    await world.end(rollout, "kill");
    const paused = await world.untilState("paused", ({ state }) => state === "paused");
    const underWay = (await world.rows()).filter(({ deploy_status }) => deploy_status === "progressing");
    expect(underWay.map(({ id }) => id)).toEqual(ids(1, 3));
    expect(paused.pauseReason).toMatch(/ended before its time/);
    await until("Slack to hear of it", () => world.slack().includes("Sentinel rollout paused in wave 1/2"));

    const resumed = await world.verb("Resume");
    expect(resumed.body).toMatchObject({ state: "completed", succeeded: 10, failed: 0 });
    for (const row of await world.rows())
      expect(row).toMatchObject({ deploy_status: "ready", running_image: NEW });
  });

  it("killed, then rolled back: sentinels without a result count if their row says that they took the image", async ({
    world,
  }) => {
    await world.fault("sen_0002", "slow:5", NEW);
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await until("sen_0002 in flight", async () => (await world.row("sen_0002")).image === NEW);
    await world.end(rollout, "kill");
    await world.untilState("paused", ({ state }) => state === "paused");
    const { body } = await world.verb<{ reverted: number; total: number }>("RollbackAll");
    expect(body.reverted).toBe(body.total);
    expect(await world.on(OLD)).toEqual(ids(1, 10));
    await world.quiet();
    for (const row of await world.rows()) expect(row.image).toBe(OLD);
    expect((await world.rows()).some((row) => row.deploy_status === "progressing")).toBe(false);
  });

  it("of a rollback, killed: the state becomes cancelled, and a second RollbackAll reverts the rest", async ({
    world,
  }) => {
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0006'");
    const paused = await world.verb("Rollout", { image: NEW, wave_percentages: [60, 100] });
    expect(paused.body).toMatchObject({ state: "paused", succeeded: 5, failed: 1 });
    for (const id of ids(1, 5)) {
      await world.fault(id, "slow:5", OLD);
      await world.patchTemplate(id);
    }
    const rollback = await world.start("RollbackAll");
    await until("three reverts in flight", async () => (await world.on(OLD)).length >= 4 + 3);
    await world.end(rollback, "kill");
    await world.untilState("cancelled", ({ state }) => state === "cancelled");
    await until("Slack to hear of it", () => world.slack().includes("Sentinel rollback interrupted"));
    const { status, body } = await world.verb<{ reverted: number; total: number }>("RollbackAll");
    expect(status).toBe(200);
    expect(body.reverted).toBe(body.total);
    expect(await world.on(NEW)).toEqual([]);
    expect([...((await world.state())?.revertedIds ?? [])].sort()).toEqual(ids(1, 5));
  });
});

describe("a single Deploy of a rollout", () => {
  it.override({ options: { sentinels: 4, env: { DEPLOY_TIMEOUT_SECONDS: "10" } } });

  for (const how of ["cancel", "kill"] as const) {
    it(`${how}ed: counts as a failure of that sentinel, and its row does not stay progressing`, async ({
      world,
    }) => {
      await world.fault("sen_0002", "NeverReady", NEW);
      const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
      const target = "hydra.v1.SentinelService/sen_0002/Deploy";
      const deploy = await until("its Deploy to wait", async () => {
        const [id] = await world.running(target);
        return (await world.row("sen_0002")).deploy_status === "progressing" && id;
      });
      await world.end(deploy, how);
      const { body } = await world.answer(rollout);
      expect(body).toMatchObject({ state: "paused", succeeded: 3, failed: 1 });
      expect(body.failures[0]?.sentinel_id).toBe("sen_0002");
      await until(
        "the row to be settled",
        async () => (await world.row("sen_0002")).deploy_status === "failed",
        55_000,
      );
      const keys = await world.sql<{ key: string }>(
        "SELECT key FROM state WHERE service_name = 'hydra.v1.SentinelService'",
      );
      await world.quiet();
      expect(how === "kill" ? [] : keys).toEqual([]);
    });
  }
});
