import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { it, NEW, OLD } from "../support/world.ts";

/** A re-check comes within 30 s; a slow machine takes its time. */
const NOTICED_MS = 90_000;

describe("a sentinel that missed its deadline and came up later", () => {
  it.override({ options: { sentinels: 4, env: { DEPLOY_TIMEOUT_SECONDS: "5" } } });

  it("is not left failed with an old error; the rollout's own result stays, and nothing is patched", {
    timeout: 3 * NOTICED_MS,
  }, async ({ world }) => {
    await world.fault("sen_0001", "slow:9");
    await world.fault("sen_0002", "NeverReady");
    const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(body).toMatchObject({ state: "paused", succeeded: 2, failed: 2 });
    expect(await world.row("sen_0001")).toMatchObject({
      deploy_status: "failed",
      image: NEW,
      running_image: OLD,
    });
    // Somebody takes the other one back by kubectl: it is healthy, but not on the image of its row.
    await world.setImage("sen_0002", OLD);
    await until(
      "the late one to run the image",
      async () => (await world.row("sen_0001")).running_image === NEW,
    );
    const generation = (await world.deployments()).get("sen_0001")?.metadata?.generation;

    const row = await until(
      "its row to say so",
      async () => {
        const now = await world.row("sen_0001");
        return now.deploy_status === "ready" && now;
      },
      NOTICED_MS,
    );
    expect(row).toMatchObject({ image: NEW, running_image: NEW, health: "healthy", deploy_error: null });
    await world.quiet();
    expect((await world.deployments()).get("sen_0001")?.metadata?.generation).toBe(generation);
    expect(await world.status()).toMatchObject({ state: "paused", succeeded: 2, failed: 2 });
    const other = await world.row("sen_0002");
    expect(other).toMatchObject({ deploy_status: "failed", image: NEW });
    expect(other.deploy_error).not.toBeNull();
    const lines = world.stack.service.logs().filter(({ msg }) => msg === "sentinel came up late");
    expect(lines.map(({ sentinelId }) => sentinelId)).toEqual(["sen_0001"]);
  });

  it("is looked at, and not touched, whoever says that it has", async ({ world }) => {
    await world.fault("sen_0001", "NeverReady");
    await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    const before = [
      await world.row("sen_0001"),
      (await world.deployments()).get("sen_0001")?.metadata?.generation,
    ];
    const url = `${world.stack.ingress}/hydra.v1.SentinelService/sen_0001/NotifyReady`;
    const headers = { "content-type": "application/json", "x-heal": "by hand" };
    expect((await fetch(url, { method: "POST", headers, body: "{}" })).status).toBe(200);
    await world.quiet();
    const after = [
      await world.row("sen_0001"),
      (await world.deployments()).get("sen_0001")?.metadata?.generation,
    ];
    expect(after).toEqual(before);
  });
});
