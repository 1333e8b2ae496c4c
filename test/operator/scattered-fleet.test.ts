import type { V1Deployment } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlanResponse } from "../../src/restate/plan-schemas.ts";
import { type HeldLink, startHeldStack } from "../support/held-link.ts";
import { World } from "../support/world.ts";

/** An image as long as a row takes: a fleet of this size is then too large to be handed on at once. */
const long = (tag: string) => `ghcr.io/unkeyed/${"x".repeat(255 - 17 - tag.length)}:${tag}`;
const BEFORE = long("before");
const IMAGE = long("first");
const NEXT = long("next");
const SENTINELS = 910;
/** These serve the image already, among those that do not. */
const SERVING = Array.from({ length: 12 }, (_, i) => `sen_${String(30 * (i + 1)).padStart(4, "0")}`);
/** It comes to be between these two. */
const [BESIDE, NEWCOMER] = ["sen_0100", "sen_0100-new"];
const WAVES = [50, 100];
const PATIENCE_MS = 60_000;

describe("a fleet that is read in parts", () => {
  let world: World;
  let link: HeldLink;

  beforeAll(async () => {
    const held = await startHeldStack({ sentinels: SENTINELS, env: { LOG_LEVEL: "error" } });
    link = held.link;
    world = new World(held.stack);
  });
  afterAll(async () => {
    await world.close();
    await link.close();
  });

  const planned = async (image: string) =>
    (await world.verb<PlanResponse>("Plan", { image, wave_percentages: WAVES })).body;

  it("is taken whole, also where some among it serve the image already", async () => {
    await Promise.all(SERVING.map((id) => world.deploy(id, { image: IMAGE })));
    await world.change(
      `UPDATE sentinels SET image = '${BEFORE}', running_image = '${BEFORE}' WHERE image <> '${IMAGE}'`,
    );
    const plan = await planned(IMAGE);
    expect(plan.total).toBe(SENTINELS - SERVING.length);
    const rollout = await world.start("Rollout", { image: IMAGE, wave_percentages: WAVES });
    const { body } = await world.answer(rollout, AbortSignal.timeout(PATIENCE_MS));
    expect(body).toMatchObject({ state: "completed", failed: 0 });
    expect({ total: body.total, succeeded: body.succeeded }).toEqual({
      total: plan.total,
      succeeded: plan.total,
    });
    expect(await world.on(IMAGE)).toHaveLength(SENTINELS);
    expect((await planned(IMAGE)).total).toBe(0);
  });

  it("loses nobody to a sentinel that comes to be while it is read", async () => {
    const plan = await planned(NEXT);
    expect(plan.total).toBe(SENTINELS);
    link.holdFrom("read the fleet");
    const rollout = await world.start("Rollout", { image: NEXT, wave_percentages: WAVES });
    await link.held();
    await join(world);
    link.release();
    const { body } = await world.answer(rollout, AbortSignal.timeout(PATIENCE_MS));
    expect(body).toMatchObject({ state: "completed", failed: 0 });
    const took = new Set(await world.on(NEXT));
    expect(world.stack.fleet.map(({ id }) => id).filter((id) => !took.has(id))).toEqual([]);
  });
});

/** What the control plane does for a new sentinel: a Deployment, and a row. */
async function join(world: World): Promise<void> {
  const beside = world.stack.fleet.find(({ id }) => id === BESIDE);
  if (beside === undefined) throw new Error("there is nobody to be beside");
  const { apps } = world.stack.clusterOf(beside.regionId);
  const { namespace } = world.stack;
  const text = JSON.stringify(await apps.readNamespacedDeployment({ name: beside.k8sName, namespace }));
  const { metadata, spec } = JSON.parse(
    text.replaceAll(beside.k8sName, `${beside.k8sName}-new`).replaceAll(BESIDE, NEWCOMER),
  ) as V1Deployment;
  const body: V1Deployment = {
    metadata: { name: `${beside.k8sName}-new`, labels: metadata?.labels ?? {} },
    ...(spec === undefined ? {} : { spec }),
  };
  await apps.createNamespacedDeployment({ namespace, body });
  const columns =
    "workspace_id, project_id, region_id, desired_state, image, desired_replicas, cpu_millicores, memory_mib, running_image, health, available_replicas, deploy_status, created_at";
  await world.change(
    `INSERT INTO sentinels (id, environment_id, k8s_name, k8s_address, ${columns})
     SELECT '${NEWCOMER}', 'env_new', CONCAT(k8s_name, '-new'), CONCAT('new-', k8s_address), ${columns}
     FROM sentinels WHERE id = '${BESIDE}'`,
  );
}
