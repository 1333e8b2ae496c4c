import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { it, NEW, OLD, type World } from "../support/world.ts";

const ID = "sen_0003";
const RESTARTED_AT = "sentinel-rollout.dev/restarted-at";

/** The annotation of a retry on the pod template. */
async function restartedAt(world: World): Promise<string | undefined> {
  return (await world.deployments()).get(ID)?.spec?.template.metadata?.annotations?.[RESTARTED_AT];
}

async function generation(world: World): Promise<number | undefined> {
  return (await world.deployments()).get(ID)?.metadata?.generation;
}

/** Its next rolling updates to the new image are not ready within Kubernetes' own deadline. */
async function breaks(world: World): Promise<void> {
  await world.fault(ID, "NeverReady", NEW);
  await world.patch(ID, [{ op: "replace", path: "/spec/progressDeadlineSeconds", value: 2 }]);
}

const mend = (world: World) => world.annotate(ID, { "sentinel-rollout.dev/fault": "" });

describe("a sentinel that failed with ProgressDeadlineExceeded", () => {
  it.override({ options: { sentinels: 5, env: { DEPLOY_TIMEOUT_SECONDS: "60", FAIL_FAST_SECONDS: "2" } } });

  it("once the cause is mended, comes up by Cancel and a Rollout of the same image", async ({ world }) => {
    await breaks(world);
    const first = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(first.body).toMatchObject({ state: "paused", succeeded: 4, failed: 1 });
    expect(first.body.failures[0]?.reason).toMatch(/^ProgressDeadlineExceeded: /);
    await mend(world);
    expect((await world.verb("Cancel")).body.state).toBe("cancelled");

    const again = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(again.body).toMatchObject({ state: "completed", total: 1, succeeded: 1, failed: 0 });
    expect(await world.row(ID)).toMatchObject({
      deploy_status: "ready",
      running_image: NEW,
      deploy_error: null,
    });
    expect(await restartedAt(world)).toMatch(/^\d{4}-/);
  });

  it("whose cause is not mended fails anew, of its own time", async ({ world }) => {
    await breaks(world);
    expect((await world.deploy(ID, { image: NEW })).body.status).toBe("failed");
    const before = await generation(world);
    const { body } = await world.deploy(ID, { image: NEW });
    expect(body).toEqual({ status: "failed", reason: expect.stringMatching(/^ProgressDeadlineExceeded: /) });
    expect(await generation(world)).toBe((before ?? 0) + 1);
  });

  it("is not restarted by a Deploy of nothing, nor is one that serves by any", async ({ world }) => {
    await breaks(world);
    await world.deploy(ID, { image: NEW });
    const settling = await world.deploy(ID);
    expect(settling.body.status).toBe("failed");
    expect(await restartedAt(world)).toBeUndefined();
    await mend(world);
    expect((await world.deploy(ID, { image: NEW })).body).toEqual({ status: "ready" });
    const at = await restartedAt(world);
    const before = await generation(world);
    expect((await world.deploy(ID, { image: NEW })).body).toEqual({ status: "ready" });
    expect(await restartedAt(world)).toBe(at);
    expect(await generation(world)).toBe(before);
  });

  it("is restarted once, though the answer is lost and the service killed in the middle", async ({
    world,
  }) => {
    const faults = world.stack.embedded?.faults;
    if (faults === undefined) throw new Error("this test needs the embedded Kubernetes API");
    await breaks(world);
    await world.deploy(ID, { image: NEW });
    await world.fault(ID, "slow:4", NEW);
    await world.patch(ID, [{ op: "replace", path: "/spec/progressDeadlineSeconds", value: 600 }]);
    const before = (await generation(world)) ?? 0;
    faults.inject({ kind: "lostAnswer" }, { only: ({ verb }) => verb === "patch" });
    const answer = world.deploy(ID, { image: NEW });
    const at = await until("the restart", () => restartedAt(world));
    await world.stack.service.process.signal("SIGKILL");
    await world.stack.service.process.start();
    expect((await answer).body).toEqual({ status: "ready" });
    expect(await restartedAt(world)).toBe(at);
    expect(await generation(world)).toBe(before + 1);
  });

  it("that holds the image by hand comes up by a first Rollout, too", async ({ world }) => {
    await breaks(world);
    await world.setImage(ID, NEW);
    await until("Kubernetes to give up", async () => {
      const { conditions } = (await world.deployments()).get(ID)?.status ?? {};
      return conditions?.some(({ reason }) => reason === "ProgressDeadlineExceeded");
    });
    expect(await world.row(ID)).toMatchObject({ image: OLD });
    await mend(world);
    const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [100] });
    expect(body).toMatchObject({ state: "completed", succeeded: 5, failed: 0 });
  });
});
