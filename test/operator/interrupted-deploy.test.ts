import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { send } from "../../src/local-stack/restate-api.ts";
import { until } from "../support/until.ts";
import { Scene } from "./scene.ts";

const ID = "sen_0003";
const TARGET = `hydra.v1.SentinelService/${ID}/Deploy`;

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.open();
});
afterAll(() => scene.world.close());
afterEach(() => scene.world.stack.embedded?.faults.clear());

function image(tag: string): string {
  return `ghcr.io/unkeyed/sentinel:${tag}`;
}

function deploy(tag: string): Promise<string> {
  return send(scene.world.stack.ingress, TARGET, { image: image(tag) });
}

/** Kubernetes refuses to patch until the faults are cleared: the Deploy tries and tries. */
async function stuckInItsPatch(tag: string): Promise<string> {
  const { faults } = scene.world.stack.embedded ?? {};
  if (faults === undefined) throw new Error("this test needs the embedded Kubernetes API");
  faults.inject({ kind: "status", code: 503 }, { times: 1_000, only: ({ verb }) => verb === "patch" });
  const id = await deploy(tag);
  await until("it to be at its patch", async () => {
    const steps = await scene.world.journal(id);
    return steps.some(({ name }) => name.startsWith("patch Deployment"));
  });
  return id;
}

async function waiting(tag: string): Promise<string> {
  const id = await deploy(tag);
  await until("it to wait", async () => (await scene.world.on(image(tag))).includes(ID));
  return id;
}

const STAGES = { "at its patch": stuckInItsPatch, "while it waits": waiting };

/** The sentinel can be deployed as ever, and then nothing of what was interrupted is left. */
async function isDeployable(tag: string): Promise<void> {
  scene.world.stack.embedded?.faults.clear();
  const { status, body } = await scene.world.deploy(ID, { image: image(tag) });
  expect({ status, body }).toEqual({ status: 200, body: { status: "ready" } });
  await scene.world.quiet();
  expect(await scene.world.row(ID)).toMatchObject({
    image: image(tag),
    running_image: image(tag),
    deploy_status: "ready",
    deploy_error: null,
  });
  expect(await scene.world.sql("SELECT key FROM state WHERE service_name LIKE '%SentinelService'")).toEqual(
    [],
  );
}

for (const [stage, begin] of Object.entries(STAGES)) {
  const name = stage.replaceAll(" ", "-");
  describe(`a Deploy ${stage}`, () => {
    it("cancelled has failed, its row says why, and another Deploy brings the sentinel up", async () => {
      const id = await begin(`cancel-${name}`);
      await scene.world.end(id, "cancel");
      expect((await scene.answer(id)).status).toBe(409);
      expect(await scene.world.row(ID)).toMatchObject({
        deploy_status: "failed",
        deploy_error: "the Deploy was cancelled",
      });
      await isDeployable(`cancel-${name}`);
    });

    it("killed is gone on with by a Deploy that asks for nothing", async () => {
      const id = await begin(`kill-${name}`);
      await scene.world.end(id, "kill");
      expect((await scene.answer(id)).status).toBe(409);
      scene.world.stack.embedded?.faults.clear();
      expect((await scene.world.deploy(ID, {})).body).toEqual({ status: "ready" });
      await isDeployable(`kill-${name}`);
    });

    it("paused, and resumed, goes on where it was", async () => {
      const id = await begin(`pause-${name}`);
      await scene.pause(id, "as it begins");
      scene.world.stack.embedded?.faults.clear();
      expect((await scene.world.row(ID)).deploy_status).toBe("progressing");
      await scene.resume(id);
      expect(await scene.answer(id)).toEqual({ status: 200, body: { status: "ready" } });
      await isDeployable(`pause-${name}`);
    });
  });
}

describe("a Deploy that waits for the one before it", () => {
  for (const how of ["cancel", "kill"] as const) {
    it(`does nothing when it is ended by ${how}, and the one before it goes on`, async () => {
      const first = await waiting(`first-${how}`);
      const second = await deploy(`second-${how}`);
      await until("it to be queued", async () => (await scene.world.running(TARGET)).includes(second));
      await scene.world.end(second, how);
      // One that never ran is forgotten at once.
      expect([404, 409]).toContain((await scene.answer(second)).status);
      expect(await scene.answer(first)).toEqual({ status: 200, body: { status: "ready" } });
      expect((await scene.world.row(ID)).image).toBe(image(`first-${how}`));
      await isDeployable(`first-${how}`);
    });
  }
});
