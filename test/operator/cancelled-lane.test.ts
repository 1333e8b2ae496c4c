import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import type { RollbackResponse } from "../../src/restate/rollback-schemas.ts";
import type { RolloutResponse } from "../../src/restate/rollout-schemas.ts";
import { until } from "../support/until.ts";
import { ids, OLD, World } from "../support/world.ts";
import { launchedBy, openLanes } from "./invocations.ts";
import { openDeploys, press, statusOf } from "./outside.ts";

/** More than the driver's own lane has places for: another lane takes the rest. */
const AT_A_TIME = 160;
/** More than may be in flight at a time: some are still to be launched. */
const FLEET = ids(1, 200);
const IMAGE = "ghcr.io/unkeyed/sentinel:lane";

describe("a lane that somebody cancels in Restate", () => {
  let world: World;
  let answer: RolloutResponse;
  /** What it had in flight when it was cancelled. */
  let inFlight: string[];

  beforeAll(async () => {
    const env = { MAX_IN_FLIGHT: String(AT_A_TIME), DEPLOY_TIMEOUT_SECONDS: "60" };
    world = new World(await startStack({ sentinels: FLEET.length, env }));
    await Promise.all(FLEET.map((id) => world.fault(id, "slow:8", IMAGE)));
    const rollout = await world.start("Rollout", { image: IMAGE, wave_percentages: [100] });
    await until("all that may be to be in flight", async () => (await openDeploys(world)) === AT_A_TIME);
    const lane = await until("a lane", async () => (await openLanes(world))[0]);
    inFlight = (await launchedBy(world, lane))
      .filter(({ status }) => status !== "completed")
      .map(({ sentinel }) => sentinel);
    await press(world, lane, "cancel");
    const { body } = await world.answer(rollout, AbortSignal.timeout(30_000));
    answer = body;
    await until("the Deploys to be over", async () => (await openDeploys(world)) === 0);
  });
  afterAll(() => world.close());

  it("has the rollout paused, with the reason", async () => {
    expect(inFlight.length).toBeGreaterThan(0);
    expect(answer.state).toBe("paused");
    const { pauseReason = "" } = (await world.state()) ?? {};
    expect(pauseReason).not.toBe("");
    expect(answer.message).toContain(pauseReason);
  });

  it("leaves its Deploys in flight to finish, and what became of them is recorded", async () => {
    const took = await world.on(IMAGE);
    const state = await world.state();
    const recorded = new Set(state?.succeededIds);
    expect({
      unfinished: inFlight.filter((id) => !took.includes(id)),
      unrecorded: inFlight.filter((id) => !recorded.has(id)),
      failed: state?.failedIds,
    }).toEqual({ unfinished: [], unrecorded: [], failed: [] });
    expect(took.filter((id) => !recorded.has(id))).toEqual([]);
    const { succeeded, failed, in_flight } = await statusOf(world);
    expect({ succeeded, failed, in_flight }).toEqual({ succeeded: took.length, failed: 0, in_flight: 0 });
    const rows = new Map((await world.rows()).map((row) => [row.id, row]));
    for (const id of inFlight) {
      expect(rows.get(id)).toMatchObject({ image: IMAGE, deploy_status: "ready", deploy_error: null });
    }
  });

  it("leaves no Deployment on the image when all are returned", async () => {
    const took = await world.on(IMAGE);
    const rollback = await world.start("RollbackAll");
    const returned = await world.answer<RollbackResponse>(rollback, AbortSignal.timeout(45_000));
    await world.quiet();
    expect(returned).toMatchObject({ status: 200, body: { state: "cancelled" } });
    expect({ left: await world.on(IMAGE), returned: await world.on(OLD) }).toEqual({
      left: [],
      returned: FLEET,
    });
    const { reverted, total } = returned.body;
    expect({ reverted, total }).toEqual({ reverted: took.length, total: took.length });
    const rows = await world.rows();
    expect(rows.filter(({ image }) => image !== OLD).map(({ id }) => id)).toEqual([]);
  });
});
