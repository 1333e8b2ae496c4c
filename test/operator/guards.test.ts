import { afterEach, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { ids, NEW, OLD, type Refusal, type World } from "../support/world.ts";
import { mismatches } from "./outside.ts";
import { Settings } from "./settings.ts";

const FLEET = ids(1, 6);
/** Waves of 2, 2 and 2. */
const WAVES = [33, 66, 100];
const NEXT = NEW.replace(/v1.*$/, "v9.9.9");

let settings: Settings;
afterEach(() => settings.close());

/** The sentinel of the first wave that fails stops the rollout there; those of the second one take a moment. */
async function open(env: Record<string, string> = {}): Promise<World> {
  settings = await Settings.open({ sentinels: FLEET.length, env: { FAIL_FAST_SECONDS: "1", ...env } });
  const { world } = settings;
  await world.fault("sen_0001", "CreateContainerConfigError");
  await world.fault("sen_0003", "slow:1.5");
  return world;
}

async function pausedRollout(world: World, image = NEW) {
  const { body } = await world.verb("Rollout", { image, wave_percentages: WAVES });
  expect(body).toMatchObject({ state: "paused", wave: 1, failed: 1 });
  expect(body.guard).toEqual({ rollout_id: body.rollout_id, wave: 1 });
  return body.guard;
}

describe("what an operator saw", () => {
  it("guards every verb: two Resumes that race, and a click that comes late", async () => {
    const world = await open();
    const seen = await pausedRollout(world);
    expect((await world.status()).guard).toEqual(seen);
    const line = JSON.stringify(seen);
    await until("Slack to show the line to paste", () =>
      world.stack.slack.messages.some(({ text }) => text.includes(`send \`${line}\``)),
    );

    // Both operators saw the same pause.
    const [one, other] = await Promise.all([world.verb("Resume", seen), world.verb("Resume", seen)]);
    expect([one.status, other.status].sort()).toEqual([200, 409]);
    const [taken, refused] = one.status === 200 ? [one.body, other.body] : [other.body, one.body];
    expect(taken).toMatchObject({ state: "completed", succeeded: 5, failed: 1 });
    expect(taken.guard).toEqual({ ...seen, wave: 3 });
    expect(refused.message).toMatch(
      new RegExp(`^You saw wave 1 of rollout ${seen?.rollout_id}; it is wave [23]\\. Resume changed nothing`),
    );
    await world.quiet();
    expect(world.slack().filter((header) => header === "Sentinel rollout resumed")).toHaveLength(1);

    // A later rollout is paused just where the first one was.
    const later = await pausedRollout(world, NEXT);
    for (const verb of ["Resume", "Cancel", "RollbackAll"]) {
      const { status, body } = await world.verb(verb, seen);
      expect({ verb, status, message: body.message }).toEqual({
        verb,
        status: 409,
        message: `You saw wave 1 of rollout ${seen?.rollout_id}; it is wave 1 of rollout ${later?.rollout_id}. ${verb} changed nothing: look at Status before you decide again.`,
      });
    }
    expect(await world.status()).toMatchObject({ state: "paused", guard: later });
    expect(await world.on(NEXT)).toEqual(["sen_0001", "sen_0002"]);

    const reverted = await world.verb("RollbackAll", later);
    expect(reverted).toMatchObject({ status: 200, body: { reverted: 1, total: 1, guard: later } });
  });
});

describe("with REQUIRE_ROLLOUT_ID", () => {
  it("a verb that names no rollout is a 400 that says what to send, and changes nothing", async () => {
    const world = await open({ REQUIRE_ROLLOUT_ID: "true" });
    const seen = await pausedRollout(world);
    for (const verb of ["Resume", "Cancel", "RollbackAll", "Pause", "Abort", "RetryFailed"]) {
      for (const unnamed of [{}, { wave: 1 }]) {
        const { status, body } = await world.verb<Refusal>(verb, unnamed);
        expect(status, body.message).toBe(400);
        expect(body.message).toMatch(
          new RegExp(`^${verb} must name the rollout that you saw: send rollout_id`),
        );
      }
    }
    expect(await world.status()).toMatchObject({ state: "paused", guard: seen });
    const { status, body } = await world.verb("Cancel", { rolloutId: seen?.rollout_id });
    expect({ status, body }).toMatchObject({ status: 200, body: { state: "cancelled", guard: seen } });
    expect(await world.verb("RollbackAll", seen)).toMatchObject({ status: 200, body: { reverted: 1 } });
    expect(await world.on(OLD)).toEqual(FLEET.slice(1));
  });

  it("set in the middle of a Resume that named none: that one goes on to its end", async () => {
    const world = await open();
    await pausedRollout(world);
    const resume = await world.start("Resume");
    await until("its wave to run", async () => (await world.row("sen_0003")).deploy_status === "progressing");
    await settings.comeBackWith({ REQUIRE_ROLLOUT_ID: "true" });
    const { status, body } = await world.answer(resume);
    expect({ status, body }).toMatchObject({ status: 200, body: { state: "completed", succeeded: 5 } });
    expect(await mismatches(world)).toEqual([]);
  });
});
