import { afterAll, beforeAll, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { NEW, World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  const env = { KUBE_CONTEXTS: "north=cold,south=warm", DEPLOY_TIMEOUT_SECONDS: "6" };
  world = new World(await startStack({ sentinels: 8, env }));
});
afterAll(() => world.close());

it("a budget that a cluster which is away exceeds says so: it may be the cluster, and not the image", async () => {
  const { fleet, embeddedByContext } = world.stack;
  const cold = embeddedByContext.get("cold");
  cold?.faults.inject({ kind: "reset" }, { times: Infinity });
  cold?.faults.dropWatches();
  const north = fleet.filter(({ regionId }) => regionId === "north").length;
  const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [100], max_failures: 1 });
  expect(body).toMatchObject({ state: "paused", pause_kind: "budget", failed: north, succeeded: 8 - north });
  const words = `${north} of 8 failed (budget 1), ${north} of them as their cluster did not answer`;
  expect(body.message).toContain(words);
  cold?.faults.clear();
});
