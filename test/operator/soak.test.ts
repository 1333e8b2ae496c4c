import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { NEW, type Refusal, World } from "../support/world.ts";
import { statusOf } from "./outside.ts";

const TOTAL = 8;
const IMAGE = (version: string) => NEW.replace(/v.*$/, version);

describe("a soak", () => {
  let world: World;
  beforeAll(async () => {
    world = new World(await startStack({ sentinels: TOTAL }));
  });
  afterAll(() => world.close());

  const soaking = () =>
    until("it to soak", async () => {
      const status = await statusOf(world);
      return status.phase === "soaking" ? status : undefined;
    });

  it("lies between two waves, and after the last one, as long as was asked for each", async () => {
    const began = Date.now();
    const rollout = world.verb("Rollout", { image: NEW, wave_percentages: [50, 100], soak_seconds: [3, 2] });
    const first = await soaking();
    expect(first).toMatchObject({ state: "in_progress", wave: 1, waves: 2, succeeded: 4, in_flight: 0 });
    expect(first.next).toEqual(["Cancel", "Pause", "Abort", "Freeze"]);
    const untilMs = Date.parse(first.soak_until ?? "");
    await until("the next wave", async () => (await statusOf(world)).wave === 2);
    expect(Date.now() - untilMs).toBeGreaterThan(-100);
    expect(Date.now() - untilMs).toBeLessThan(2_000);
    const { body } = await rollout;
    expect(body).toMatchObject({
      state: "completed",
      phase: "completed",
      succeeded: TOTAL,
      soak_until: null,
    });
    expect(Date.now() - began).toBeGreaterThan(5_000);
  });

  it("is stopped by Pause like a clock, and Resume goes on with what is left", async () => {
    const rollout = world.verb("Rollout", {
      image: IMAGE("v4.0.0"),
      wave_percentages: [50, 100],
      soak_seconds: [5, 0],
    });
    await soaking();
    const { body: paused } = await world.verb("Pause");
    expect(paused).toMatchObject({
      state: "paused",
      pause_kind: "operator",
      never_attempted: 0,
      soak_until: null,
    });
    expect((await rollout).body).toMatchObject({ state: "paused" });
    const { soak_seconds_left: left = 0 } = await statusOf(world);
    expect(left).toBeGreaterThan(2);
    expect(left).toBeLessThanOrEqual(5);
    const resumed = Date.now();
    const { body } = await world.verb("Resume");
    expect(body).toMatchObject({ state: "completed", succeeded: TOTAL });
    expect(Date.now() - resumed).toBeGreaterThan(((left ?? 0) - 1) * 1_000);
    expect(Date.now() - resumed).toBeLessThan((left ?? 0) * 1_000 + 4_000);
  });

  it("goes on while the service is dead, and ends when its time is up", async () => {
    const rollout = world.verb("Rollout", {
      image: IMAGE("v5.0.0"),
      wave_percentages: [50, 100],
      soak_seconds: [12, 0],
    });
    const { soak_until } = await soaking();
    const { process } = world.stack.service;
    await process.signal("SIGKILL");
    await process.start();
    expect((await statusOf(world)).soak_until).toBe(soak_until);
    await until("the next wave", async () => (await statusOf(world)).wave === 2);
    expect(Date.now() - Date.parse(soak_until ?? "")).toBeLessThan(2_000);
    expect((await rollout).body).toMatchObject({ state: "completed" });
  });

  it("is ended by Cancel, and by Abort, at once", async () => {
    const rollout = world.verb("Rollout", {
      image: IMAGE("v6.0.0"),
      wave_percentages: [50, 100],
      soak_seconds: 60,
    });
    await soaking();
    const { body } = await world.verb("Cancel");
    expect(body).toMatchObject({
      state: "cancelled",
      soak_until: null,
      soak_seconds_left: null,
      succeeded: 4,
    });
    expect((await rollout).body).toMatchObject({ state: "cancelled" });
    await world.quiet();
    const again = world.verb("Rollout", {
      image: IMAGE("v7.0.0"),
      wave_percentages: [50, 100],
      soak_seconds: 60,
    });
    await soaking();
    const { body: aborted } = await world.verb<{ reverted: number }>("Abort");
    expect(aborted).toMatchObject({ state: "cancelled", reverted: 4, total: 4 });
    expect(await world.on(IMAGE("v7.0.0"))).toEqual([]);
    expect((await again).body).toMatchObject({ state: "cancelled" });
    await world.quiet();
  });

  it("is refused where it makes no sense", async () => {
    const bad = async (body: object) =>
      (await world.verb<Refusal>("Rollout", { image: NEW, ...body })).body.message;
    expect(await bad({ soak_seconds: [1, 2] })).toContain(
      "soak_seconds must have one number for each of the 5 wave percentages",
    );
    expect(await bad({ max_regressions: 1 })).toContain("max_regressions needs soak_seconds");
  });
});
