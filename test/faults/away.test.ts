import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seedOf } from "../support/seed.ts";
import { until } from "../support/until.ts";
import type { Arena } from "./harness/arena.ts";
import { Random } from "./harness/random.ts";
import { openArena, patched } from "./harness/surroundings.ts";

const random = new Random(seedOf("away"));
const FLEET = 6;
const DEPLOY_TIMEOUT_SECONDS = 3;
/** Waves of 3 and 3. */
const PERCENTS = [50, 100];
/** What was being done, and what came of it. */
const REASON = /^(patching|reading) Deployment sentinel-000\d: /;
const TROUBLE = { name: "Kubernetes API away for longer than the deploy timeout", losesAnswers: 2 };

let arena: Arena;
let close: () => Promise<void>;
// The cluster's clock runs at a fifth: none of its own deadlines ever helps, and its times are always in the past.
beforeAll(async () => {
  ({ arena, close } = await openArena({
    sentinels: FLEET,
    env: { DEPLOY_TIMEOUT_SECONDS: String(DEPLOY_TIMEOUT_SECONDS) },
    embedded: { clockRate: 0.2, podStartMs: 200 },
  }));
});
afterAll(() => close());

/** The API goes away in the middle of the second wave, and comes back when the rollout has paused. */
async function pausedByAbsence(image: string, absence: "reset" | "hang"): Promise<void> {
  await arena.checker.begin();
  const from = arena.proxy.patches.length;
  const { answer } = await arena.start("Rollout", { image, wave_percentages: PERCENTS });
  await patched(arena, from, random.between(4, 5));
  arena.suffers(TROUBLE);
  arena.proxy.mishap = () => absence;
  arena.proxy.cut();
  const { body } = await answer;
  arena.proxy.mishap = () => undefined;
  arena.proxy.cut();
  expect(body).toMatchObject({ state: "paused", succeeded: 3, failed: 3 });
  const { failureReasons, failedIds } = await arena.checker.check();
  const reasons = failedIds.map((id) => failureReasons[id]);
  expect(reasons).toEqual(Array(3).fill(expect.stringMatching(REASON)));
}

describe("the Kubernetes API is away for longer than the deploy timeout", () => {
  it("the rollout pauses with the true reason, and can be rolled back", async () => {
    await pausedByAbsence("x/sentinel:v2", "reset");
    const { body } = await arena.verb("RollbackAll");
    expect(body).toMatchObject({ state: "cancelled", reverted: 3, failures: [] });
    await arena.checker.check();
  });

  it("or resumed, and what failed is retried by the next rollout of the image", async () => {
    await pausedByAbsence("x/sentinel:v3", "hang");
    expect((await arena.verb("Resume")).body).toMatchObject({ state: "completed", succeeded: 3, failed: 3 });
    await arena.checker.check();
    await until("the watcher to be back", async () => (await fetch(`${arena.world.stack.health}/readyz`)).ok);
    await arena.checker.begin();
    const { body } = await arena.verb("Rollout", { image: "x/sentinel:v3" });
    // Who was patched before the API went away comes up late, and may have been found to serve the image by now.
    const none = { code: 409, message: expect.stringContaining("all 6 running sentinels already serve") };
    expect([
      expect.objectContaining({ state: "completed", failed: 0 }),
      expect.objectContaining(none),
    ]).toContainEqual(body);
    await arena.checker.check();
    const rows = await arena.world.rows();
    expect(rows.map((row) => [row.running_image, row.deploy_status])).toEqual(
      Array(FLEET).fill(["x/sentinel:v3", "ready"]),
    );
  });
});
