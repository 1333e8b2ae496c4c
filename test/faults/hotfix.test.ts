import { afterAll, beforeAll, expect, it } from "vitest";
import type { Arena } from "./harness/arena.ts";
import { openArena, patched } from "./harness/surroundings.ts";

const NEW = "x/sentinel:v2";
const HOTFIX = "x/sentinel:v2-hotfix";

let arena: Arena;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ arena, close } = await openArena({ sentinels: 6, env: { MAX_IN_FLIGHT: "1" } }));
});
afterAll(() => close());

it("a hotfix that comes while a rollback is under way survives it, and everything that is told says so", async () => {
  await arena.world.fault("sen_0004", "ImagePullBackOff", NEW);
  await arena.checker.begin();
  const { body: paused } = await arena.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
  expect(paused).toMatchObject({ state: "paused", succeeded: 5, failed: 1 });
  const from = arena.proxy.patches.length;
  const { answer } = await arena.start("RollbackAll");
  await patched(arena, from, 1);
  await arena.hotfixes("sen_0001", HOTFIX);
  const { body } = await answer;
  expect(body).toMatchObject({ state: "cancelled", reverted: 4, total: 5, moved: 1 });
  await arena.checker.check();
});
