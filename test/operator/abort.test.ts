import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import type { RollbackResponse } from "../../src/restate/rollback-schemas.ts";
import { ids, NEW, OLD, type Refusal, World } from "../support/world.ts";
import { Launched, statusOf } from "./outside.ts";

const TOTAL = 12;

describe("Abort", () => {
  let world: World;
  let launched: Launched;

  beforeAll(async () => {
    const env = { MAX_IN_FLIGHT: "4", FAIL_FAST_SECONDS: "1" };
    world = new World(await startStack({ sentinels: TOTAL, env, embedded: { podStartMs: 1_000 } }));
    await world.fault("sen_0002", "CreateContainerConfigError");
    launched = await Launched.since(world);
  });
  afterAll(() => world.close());

  it("stops in the middle of a wave and reverts all that took the image, what is in flight included", async () => {
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await launched.reach(5);
    const { guard } = await statusOf(world);
    const { status, body } = await world.verb<RollbackResponse>("Abort", { ...guard, comment: "bad" });
    expect({ status, body }).toMatchObject({ status: 200, body: { state: "cancelled", failures: [] } });
    expect(body.reverted).toBe(body.total);
    expect((await world.answer(rollout)).body).toMatchObject({ state: "cancelled" });
    await world.quiet();
    // The failed one is left alone.
    expect(await world.on(NEW)).toEqual(["sen_0002"]);
    expect(await statusOf(world)).toMatchObject({ state: "cancelled", failed: 1, reverted: body.reverted });
    const told = world.slack();
    expect(told.filter((header) => /cancelled|rollback/i.test(header))).toEqual([
      "Sentinel rollout cancelled in wave 1/2",
      "Sentinel rollback started",
      "Sentinel rollback completed",
    ]);
  });

  it("returns the failed ones, too, where it is asked to", async () => {
    const image = NEW.replace(/v.*$/, "v5.0.0");
    const { body: paused } = await world.verb("Rollout", { image, wave_percentages: [50, 100] });
    expect(paused).toMatchObject({ state: "paused", failed: 1, succeeded: 5 });
    expect(paused.next).toContain("Abort");
    const { body } = await world.verb<RollbackResponse>("Abort", { ...paused.guard, include_failed: true });
    expect(body).toMatchObject({ reverted: 6, total: 6, failures: [], failed_on_image: null });
    expect(await world.on(image)).toEqual([]);
    // It had never come up with the first image either.
    expect(await world.on(OLD)).toEqual(ids(1, TOTAL));
    expect(await statusOf(world)).toMatchObject({
      failed: 0,
      succeeded: 6,
      reverted: 6,
      waiting: 6,
      failures: [],
    });
    const { body: past } = await world.verb<{ sentinels: { sentinel_id: string; outcome: string }[] }>(
      "History",
      {
        rollout_id: paused.rollout_id,
      },
    );
    const of = past.sentinels.filter(({ sentinel_id }) => sentinel_id === "sen_0002");
    expect(of.map(({ outcome }) => outcome)).toEqual(["failed", "reverted"]);
  });

  it("is not legal where nothing runs", async () => {
    const { status, body } = await world.verb<Refusal>("Abort");
    expect({ status, message: body.message }).toEqual({
      status: 409,
      message: "Abort is not legal while the rollout is cancelled; legal now: Rollout, RollbackAll.",
    });
  });
});
