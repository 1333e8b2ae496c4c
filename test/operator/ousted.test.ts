import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import type { HistoryResponse } from "../../src/restate/history-schemas.ts";
import type { RolloutResponse } from "../../src/restate/rollout-schemas.ts";
import { until } from "../support/until.ts";
import { ids, World } from "../support/world.ts";
import { launchedBy } from "./invocations.ts";
import { openDeploys } from "./outside.ts";

const FLEET = ids(1, 12);
const AT_A_TIME = 4;
const A = "ghcr.io/unkeyed/sentinel:a";
const B = "ghcr.io/unkeyed/sentinel:b";

describe("a rollout that was cancelled, and another one that begins while its Deploys are in flight", () => {
  let world: World;
  let idOfA: string;
  let launched: { id: string; sentinel: string }[];
  let answerOfA: RolloutResponse;
  /** Deploys of A that were under way when it answered. */
  let openThen: string[];
  let answerOfB: RolloutResponse;

  beforeAll(async () => {
    const env = { MAX_IN_FLIGHT: String(AT_A_TIME), DEPLOY_TIMEOUT_SECONDS: "60" };
    world = new World(await startStack({ sentinels: FLEET.length, env }));
    await Promise.all(FLEET.map((id) => world.fault(id, "slow:3", A)));
    const a = await world.start("Rollout", { image: A, wave_percentages: [100] });
    await until("the second ones to be in flight", async () => {
      const { succeeded } = await world.status();
      return succeeded >= AT_A_TIME && (await openDeploys(world)) === AT_A_TIME;
    });
    const cancelled = await world.verb("Cancel");
    expect(cancelled.body.state).toBe("cancelled");
    idOfA = cancelled.body.rollout_id;
    const b = await world.start("Rollout", { image: B, wave_percentages: [25, 100] });
    answerOfA = (await world.answer(a, AbortSignal.timeout(30_000))).body;
    const after = await launchedBy(world, a);
    openThen = after.filter(({ status }) => status !== "completed").map(({ sentinel }) => sentinel);
    answerOfB = (await world.answer(b, AbortSignal.timeout(30_000))).body;
    launched = await launchedBy(world, a);
    await world.quiet();
  });
  afterAll(() => world.close());

  it("answers when its Deploys have settled", () => {
    // A place may have come free before the Cancel.
    expect(launched.length).toBeGreaterThanOrEqual(2 * AT_A_TIME);
    expect(launched.map(({ sentinel }) => sentinel)).toEqual(FLEET.slice(0, launched.length));
    expect(openThen).toEqual([]);
  });

  it("answers with its own numbers", () => {
    expect(answerOfA).toMatchObject({
      state: "cancelled",
      rollout_id: idOfA,
      image: A,
      ...{ wave: 1, waves: 1, total: FLEET.length, succeeded: launched.length },
      ...{ failed: 0, failures: [], skipped: 0, skips: [], in_flight: 0 },
      waiting: FLEET.length - launched.length,
    });
  });

  it("is told in the history with all that took its image", async () => {
    const { body } = await world.verb<HistoryResponse>("History", { rollout_id: idOfA, limit: 100 });
    expect(body.rollouts).toMatchObject([
      { state: "cancelled", image: A, total: FLEET.length, succeeded: launched.length, failed: 0 },
    ]);
    const told = (body.sentinels ?? []).map(({ sentinel_id, outcome }) => `${sentinel_id} ${outcome}`);
    expect(told.sort()).toEqual(launched.map(({ sentinel }) => `${sentinel} succeeded`));
  });

  it("takes nothing from the other one", async () => {
    expect(answerOfB).toMatchObject({
      state: "completed",
      image: B,
      ...{ wave: 2, waves: 2, total: FLEET.length, succeeded: FLEET.length, failed: 0, in_flight: 0 },
    });
    expect(await world.on(B)).toEqual(FLEET);
    const { body } = await world.verb<HistoryResponse>("History", { rollout_id: answerOfB.rollout_id });
    expect(body.rollouts).toMatchObject([{ state: "completed", image: B, succeeded: FLEET.length }]);
    expect(await world.status()).toMatchObject({ state: "completed", rollout_id: answerOfB.rollout_id });
  });
});
