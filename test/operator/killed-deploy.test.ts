import { describe, expect } from "vitest";
import { send } from "../../src/local-stack/restate-api.ts";
import { until } from "../support/until.ts";
import { it, NEW, OLD, type World } from "../support/world.ts";

const ID = "sen_0001";
const TARGET = `hydra.v1.SentinelService/${ID}/Deploy`;

/** Kubernetes refuses to patch until the faults are cleared: the Deploy is killed between its row and its patch. */
async function killedBeforeItsPatch(world: World, begin: () => Promise<unknown>): Promise<void> {
  const { faults } = world.stack.embedded ?? {};
  if (faults === undefined) throw new Error("this test needs the embedded Kubernetes API");
  faults.inject({ kind: "status", code: 503 }, { times: 1_000, only: ({ verb }) => verb === "patch" });
  await begin();
  const deploy = await until("the Deploy to be at its patch", async () => {
    const [id] = await world.running(TARGET);
    if (id === undefined) return undefined;
    const steps = await world.journal(id);
    return steps.some(({ name }) => name.startsWith("patch Deployment")) ? id : undefined;
  });
  await world.end(deploy, "kill");
  await until("it to be gone", async () => (await world.running(TARGET)).length === 0);
  faults.clear();
  expect(await world.row(ID)).toMatchObject({ image: NEW, deploy_status: "progressing" });
}

async function versionOf(world: World): Promise<string | undefined> {
  return (await world.deployments()).get(ID)?.metadata?.resourceVersion;
}

describe("a Deploy of a rollout that is killed between its row and its patch", () => {
  it.override({ options: { sentinels: 1, env: { DEPLOY_TIMEOUT_SECONDS: "120" } } });

  it("stays killed once the rollout is cancelled: nothing is patched, and the row says what runs", async ({
    world,
  }) => {
    await killedBeforeItsPatch(world, () => world.start("Rollout", { image: NEW }));
    await world.untilState("the rollout to be paused", ({ state }) => state === "paused");
    await world.verb("Cancel");
    const before = await versionOf(world);
    const { body } = await world.deploy(ID, {});
    expect(body).toMatchObject({
      status: "failed",
      reason: "not deployed: its Deploy was killed, and its rollout is cancelled",
    });
    expect(await versionOf(world)).toBe(before);
    expect(await world.row(ID)).toMatchObject({ image: OLD, running_image: OLD, deploy_status: "failed" });
    expect(await world.sql("SELECT key FROM state WHERE service_name LIKE '%SentinelService'")).toEqual([]);
  });

  it("is gone on with while the rollout is not cancelled", async ({ world }) => {
    await killedBeforeItsPatch(world, () => world.start("Rollout", { image: NEW }));
    await world.untilState("the rollout to be paused", ({ state }) => state === "paused");
    expect((await world.deploy(ID, {})).body).toEqual({ status: "ready" });
    expect((await world.images()).get(ID)).toBe(NEW);
  });
});

describe("a Deploy that was killed, and whose deadline has passed", () => {
  it.override({ options: { sentinels: 1, env: { DEPLOY_TIMEOUT_SECONDS: "120" } } });

  it("is settled by a look, and by nothing else", async ({ world }) => {
    await killedBeforeItsPatch(world, () => send(world.stack.ingress, TARGET, { image: NEW }));
    await world.change(`UPDATE sentinels SET updated_at = updated_at - 130000 WHERE id = '${ID}'`);
    const before = await versionOf(world);
    const { body } = await world.deploy(ID, {});
    expect(body).toMatchObject({
      status: "failed",
      reason: "not deployed: its Deploy was killed, and its time is over",
    });
    expect(await versionOf(world)).toBe(before);
    expect(await world.row(ID)).toMatchObject({ image: OLD, deploy_status: "failed" });
  });

  it("is ready where it has come up meanwhile", async ({ world }) => {
    await world.fault(ID, "slow:3", NEW);
    const deploy = await send(world.stack.ingress, TARGET, { image: NEW });
    await until("it to be patched", async () => (await world.on(NEW)).includes(ID));
    await world.end(deploy, "kill");
    await until("it to have come up", async () => (await world.row(ID)).running_image === NEW);
    await world.change(`UPDATE sentinels SET updated_at = updated_at - 130000 WHERE id = '${ID}'`);
    expect((await world.deploy(ID, {})).body).toEqual({ status: "ready" });
    expect(await world.row(ID)).toMatchObject({ image: NEW, deploy_status: "ready" });
  });
});
