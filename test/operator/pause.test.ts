import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { ids, NEW, type Refusal, World } from "../support/world.ts";
import { Launched, statusOf } from "./outside.ts";

const TOTAL = 40;
const IN_FLIGHT = 8;
/** A Deployment takes so long to come up: long enough to ask in the middle of it. */
const POD_START_MS = 1_500;

describe("Pause in the middle of a wave", () => {
  let world: World;
  let launched: Launched;
  let rollout: string;
  let guard: object | null;

  beforeAll(async () => {
    const env = { MAX_IN_FLIGHT: String(IN_FLIGHT) };
    world = new World(await startStack({ sentinels: TOTAL, env, embedded: { podStartMs: POD_START_MS } }));
    launched = await Launched.since(world);
    rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
    await launched.reach(IN_FLIGHT + 1);
  });
  afterAll(() => world.close());

  it("is offered, and answers at once while what is in flight goes on", async () => {
    const seen = await statusOf(world);
    expect(seen).toMatchObject({ state: "in_progress", phase: "deploying", pause_kind: null });
    expect(seen.next).toEqual(expect.arrayContaining(["Cancel", "Pause", "Abort"]));
    guard = seen.guard;
    const body = { ...guard, comment: "latency looks\nodd" };
    const askedMs = Date.now();
    const answer = await world.verb("Pause", body);
    const answeredMs = Date.now();
    expect(answer).toMatchObject({ status: 200, body: { state: "in_progress", phase: "pausing" } });
    expect(answer.body.message).toContain("an operator paused it: latency looks odd");
    expect(answeredMs - askedMs).toBeLessThan(1_000);
    expect(answer.body.in_flight).toBeGreaterThan(0);
    // Asked twice it answers the same.
    const again = await world.verb("Pause", guard);
    expect(again).toMatchObject({ status: 200, body: { phase: expect.stringMatching(/^paus(ing|ed)$/) } });

    const { body: ended } = await launched.during(world.answer(rollout));
    expect(launched.after(answeredMs)).toEqual([]);
    const { size } = launched.calls;
    expect(ended).toMatchObject({
      ...{ state: "paused", phase: "paused", pause_kind: "operator", failed: 0, in_flight: 0 },
      ...{ succeeded: size, never_attempted: TOTAL - size, waiting: TOTAL - size },
    });
    expect(ended.next).toEqual(expect.arrayContaining(["Resume", "Cancel", "RollbackAll"]));
    expect(await world.on(NEW)).toEqual(ids(1, size));
  });

  it("is the same once it is paused, and about that rollout alone", async () => {
    expect(await world.verb("Pause", guard)).toMatchObject({
      status: 200,
      body: { state: "paused", pause_kind: "operator" },
    });
    const other = await world.verb<Refusal>("Pause", { rollout_id: "another" });
    expect(other).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining("You saw rollout another") },
    });
    await world.quiet();
    expect(world.slack().filter((header) => header.includes("paused"))).toHaveLength(1);
  });

  it("leaves exactly the rest to Resume", async () => {
    const before = launched.calls.size;
    const { body } = await launched.during(world.verb("Resume", guard));
    expect(body).toMatchObject({ state: "completed", succeeded: TOTAL, failed: 0, pause_kind: null });
    const deployed = [...launched.calls.values()].map(({ sentinel }) => sentinel).sort();
    expect(deployed).toEqual(ids(1, TOTAL));
    expect(before).toBeLessThan(TOTAL);
  });

  it("is not legal for what has ended", async () => {
    const { status, body } = await world.verb<Refusal>("Pause");
    expect({ status, message: body.message }).toEqual({
      status: 409,
      message: "Pause is not legal while the rollout is completed; legal now: Rollout.",
    });
  });
});

describe("Pause of the last ones in flight", () => {
  let world: World;
  beforeAll(async () => {
    world = new World(await startStack({ sentinels: 2, embedded: { podStartMs: POD_START_MS } }));
  });
  afterAll(() => world.close());

  it("has nothing to pause: the rollout completes", async () => {
    const launched = await Launched.since(world);
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
    await launched.reach(2);
    const { body } = await world.verb("Pause");
    expect(body).toMatchObject({ state: "in_progress", phase: "pausing" });
    expect((await world.answer(rollout)).body).toMatchObject({ state: "completed", succeeded: 2 });
  });

  it("between two waves leaves the next one to Resume, and a Cancel beats it", async () => {
    const launched = await Launched.since(world);
    const image = NEW.replace(/v.*$/, "v2.0.0");
    const rollout = await world.start("Rollout", { image, wave_percentages: [50, 100] });
    await launched.reach(1);
    await world.verb("Pause");
    expect((await world.answer(rollout)).body).toMatchObject({
      ...{ state: "paused", pause_kind: "operator", wave: 1, succeeded: 1, never_attempted: 0 },
    });
    const resumed = await world.start("Resume");
    await launched.reach(2);
    await world.verb("Pause");
    const { body } = await world.verb("Cancel");
    expect(body).toMatchObject({ state: "cancelled" });
    expect((await world.answer(resumed)).body).toMatchObject({ state: "cancelled" });
    await until("it to settle", async () => (await statusOf(world)).phase === "cancelled");
    expect(await statusOf(world)).toMatchObject({ state: "cancelled", succeeded: 2 });
  });
});
