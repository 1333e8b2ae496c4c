import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seedOf } from "../support/seed.ts";
import { until } from "../support/until.ts";
import { Arena } from "./harness/arena.ts";
import { Random } from "./harness/random.ts";

const seed = seedOf("crashes");
const random = new Random(seed);
const CRASH = { name: "service killed", losesAnswers: 1, crashes: true };
const WAVES = [5, 20, 60, 100];
/** A death takes two or three seconds: each run of the tests can spare those at a quarter of the steps, as the seed says. */
const TOUR = process.env.FAULT_TOUR === "1";

let arena: Arena;
beforeAll(async () => {
  arena = await Arena.open({ sentinels: 20 });
});
afterAll(() => arena.close());

async function expectState(
  verb: "Rollout" | "Resume" | "RetryFailed" | "RollbackAll" | "Abort",
  state: string,
  body = {},
): Promise<void> {
  expect(await arena.verb(verb, body)).toMatchObject({ status: 200, body: { state } });
}

const PAUSING = expect.stringMatching(/^paus(ing|ed)$/);

async function begun(body: object) {
  const from = arena.proxy.patches.length;
  return { from, ...(await arena.start("Rollout", body)) };
}

/** It dies often before it comes so far. */
async function patched(count: number): Promise<void> {
  await until(`patch ${count}`, () => arena.proxy.patches.length >= count, 600_000);
}

/** One sentinel of the second wave cannot take this image: its rollout pauses. */
async function breaks(image: string): Promise<void> {
  await arena.world.fault("sen_0002", "ImagePullBackOff", image);
}

describe("the service is killed with -9", () => {
  it("once, at a random step of a rollout: it completes", async () => {
    await arena.checker.begin();
    arena.suffers(CRASH);
    const { failpoints } = arena;
    failpoints.arm([random.pick(["before *", "after *"])], random.between(0, 150));
    await expectState("Rollout", "completed", { image: "x/sentinel:v1", wave_percentages: WAVES });
    expect(failpoints.fired).toHaveLength(1);
    await arena.checker.check();
  });

  it("at each named step of Rollout, Deploy, Resume and RollbackAll", async () => {
    await breaks("x/sentinel:v2");
    await arena.checker.begin();
    await deaths(async () => {
      await expectState("Rollout", "paused", { image: "x/sentinel:v2", wave_percentages: WAVES });
      await expectState("Resume", "completed");
    });

    await breaks("x/sentinel:v3");
    await arena.checker.begin();
    await deaths(async () => {
      await expectState("Rollout", "paused", { image: "x/sentinel:v3", wave_percentages: WAVES });
      await expectState("RollbackAll", "cancelled");
    });
    const fired = new Set(arena.failpoints.fired.map((each) => each.replace(/^\w+ /, "")));
    const missed = (await namedSteps()).filter((step) => !fired.has(step));
    if (TOUR) expect(missed).toEqual([]);
    else expect(fired.size).toBeGreaterThan(3);
  }, 1_500_000);

  it("at each named step of Pause, Abort, RetryFailed, Freeze and Unfreeze", async () => {
    await arena.checker.begin();
    await deaths(async () => {
      const limits = { max_in_flight: 3, ramp: true };
      const { answer, from } = await begun({ image: "x/sentinel:v4", wave_percentages: WAVES, ...limits });
      await patched(from + 3);
      expect(await arena.verb("Pause")).toMatchObject({ status: 200, body: { phase: PAUSING } });
      expect(await answer).toMatchObject({ body: { state: "paused", pause_kind: "operator", failed: 0 } });
      await expectState("Resume", "completed");
    });

    await arena.checker.begin();
    await deaths(async () => {
      const limits = { max_in_flight: 3, max_failures: "50%" };
      const { answer, from } = await begun({ image: "x/sentinel:v5", wave_percentages: WAVES, ...limits });
      await patched(from + 6);
      await expectState("Abort", "cancelled");
      expect(await answer).toMatchObject({ body: { state: "cancelled" } });
    });
    expect(await arena.world.on("x/sentinel:v5")).toEqual([]);

    await breaks("x/sentinel:v6");
    await arena.checker.begin();
    await deaths(async () => {
      await expectState("Rollout", "paused", { image: "x/sentinel:v6", wave_percentages: WAVES });
      expect(await arena.verb("Freeze", { reason: "tour" })).toMatchObject({ status: 200 });
      expect(await arena.verb("RetryFailed")).toMatchObject({ status: 409 });
      expect(await arena.verb("Unfreeze")).toMatchObject({ status: 200 });
      // It cannot take the image this time either.
      await expectState("RetryFailed", "paused", { resume: true });
      await expectState("Abort", "cancelled", { include_failed: true });
    });
    expect(await arena.world.on("x/sentinel:v6")).toEqual([]);
  }, 1_500_000);

  it("at each named step of a soak, and of a pause for who broke in it", async () => {
    const image = "x/sentinel:v7";
    // Late enough, so that it has come up by then, however often the service dies before.
    await arena.breaksLater("sen_0001", 20, image);
    await arena.checker.begin({ soaks: true });
    await deaths(async () => {
      const asked = { image, wave_percentages: [50, 100], soak_seconds: [30, 1] };
      const paused = await arena.verb("Rollout", asked);
      expect(paused.body).toMatchObject({
        state: "paused",
        pause_kind: "regression",
        wave: 1,
        failed: 0,
      });
      await expectState("Resume", "completed");
    });
    if (!TOUR) return;
    const fired = new Set(arena.failpoints.fired.map((each) => each.replace(/^\w+ /, "")));
    expect((await namedSteps()).filter((step) => !fired.has(step))).toEqual([]);
  }, 1_500_000);
});

/** Lets it die at steps that it has not died at yet. */
async function deaths(story: () => Promise<void>): Promise<void> {
  const { failpoints } = arena;
  const before = failpoints.fired.length;
  failpoints.armEach(TOUR ? "both" : { seed });
  await story();
  failpoints.disarm();
  const count = failpoints.fired.length - before;
  for (let n = 0; n < count; n++) arena.suffers(CRASH);
  await arena.checker.check();
}

/** As the journals of what has run have them, with what goes by the same name but for its numbers as one. */
async function namedSteps(): Promise<string[]> {
  const steps = await arena.world.sql<{ handler: string; type: string; name: string }>(
    `SELECT DISTINCT i.target_handler_name AS handler, j.entry_type AS type, j.name AS name
     FROM sys_journal j JOIN sys_invocation i ON i.id = j.id WHERE j.name <> ''`,
  );
  const kinds: Record<string, string> = { Run: "run", Call: "call", Sleep: "sleep", OneWayCall: "send" };
  const points = steps.map(({ handler, type, name }) => {
    return `${handler}/${kinds[type.replace("Command: ", "")] ?? type} ${name.replaceAll(/\d+/g, "#")}`;
  });
  return [...new Set(points)];
}
