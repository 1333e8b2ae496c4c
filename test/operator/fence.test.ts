import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { World } from "../support/world.ts";
import { Launched, press, statusOf } from "./outside.ts";

/** At most so many Deploys may be on their way when a stop is answered (contract, "Cancel"). */
const ON_THEIR_WAY = 32;
/** When this many were launched, the stop comes. */
const SOON = 40;

/** A stop, and what was launched in spite of it. */
interface Stop {
  launched: Launched;
  /** The moment in which the stop was answered (unix ms). */
  answeredMs: number;
}

function isFence({ launched, answeredMs }: Stop): void {
  const late = launched.after(answeredMs);
  const lastMs = Math.max(answeredMs, ...late.map(({ createdAtMs }) => createdAtMs));
  expect(
    late.length,
    `Deploys launched after the stop was answered, of ${launched.calls.size}; the last one ${lastMs - answeredMs} ms after`,
  ).toBeLessThanOrEqual(ON_THEIR_WAY);
}

function fleetOf(sentinels: number, maxInFlight: number, podStartMs: number): () => World {
  let world: World;
  beforeAll(async () => {
    const env = { MAX_IN_FLIGHT: String(maxInFlight), DEPLOY_TIMEOUT_SECONDS: "60" };
    world = new World(await startStack({ sentinels, env, embedded: { podStartMs } }));
  });
  afterAll(() => world.close());
  return () => world;
}

/**
 * When (unix ms) the cancellation of an invocation was taken: Restate answers an operator before it tells the invocation, so
 * what counts is when that was told that nothing more is launched.
 */
async function takenMs(world: World, invocation: string): Promise<number> {
  const entries = await world.sql<{ name: string | null; json: string; at: string }>(
    `SELECT name, entry_lite_json AS json, appended_at AS at FROM sys_journal WHERE id = '${invocation}'`,
  );
  const asked = entries.find(({ name }) => name?.endsWith(": interrupted"));
  const completion = /"result_completion_id":(\d+)/.exec(asked?.json ?? "")?.[1];
  const told = entries.find(
    ({ json }) => json.includes('"Completion":"Call"') && json.includes(`"CompletionId":${completion}}`),
  );
  if (told === undefined) throw new Error("its cancellation was not taken");
  return Date.parse(told.at.endsWith("Z") ? told.at : `${told.at}Z`);
}

const image = (tag: string) => `ghcr.io/unkeyed/sentinel:fence-${tag}`;

/** Lets a new Rollout be legal. */
async function comeToRest(world: World): Promise<void> {
  const { next } = await statusOf(world);
  if (next.includes("Cancel")) await world.verb("Cancel");
}

/** Cancels a rollout when the condition is met, and waits until all that was in flight has settled. */
async function cancelled(
  world: World,
  tag: string,
  wave_percentages: number[],
  when: (launched: Launched) => Promise<unknown>,
): Promise<Stop> {
  await comeToRest(world);
  const launched = await Launched.since(world);
  const rollout = await world.start("Rollout", { image: image(tag), wave_percentages });
  await when(launched);
  const { status, body } = await world.verb("Cancel");
  const answeredMs = Date.now();
  expect({ status, state: body.state }).toEqual({ status: 200, state: "cancelled" });
  const answer = await launched.during(world.answer(rollout));
  expect(answer.body.state).toBe("cancelled");
  return { launched, answeredMs };
}

/** Whoever took the image has a result: what is patched is what Status counts. */
async function isAccountedFor(world: World, tag: string): Promise<void> {
  const patched = await world.on(image(tag));
  const { succeeded, failed } = await statusOf(world);
  expect(succeeded + failed, "results, of the Deployments that were patched").toBe(patched.length);
}

describe("of 600 sentinels in one wave, with room for all of them", () => {
  const world = fleetOf(600, 600, 1_500);

  it("Cancel in the opening burst is a fence, and who was launched has a result", async () => {
    const stop = await cancelled(world(), "burst", [100], (launched) => launched.reach(SOON));
    await isAccountedFor(world(), "burst");
    isFence(stop);
  });

  it("so is the cancellation of the driving invocation, and the rollout is then paused", async () => {
    await comeToRest(world());
    const launched = await Launched.since(world());
    const rollout = await world().start("Rollout", { image: image("drive"), wave_percentages: [100] });
    await launched.reach(SOON);
    await press(world(), rollout, "cancel");
    const { body } = await launched.during(world().answer(rollout));
    expect(body.state).toBe("paused");
    expect((await statusOf(world())).state).toBe("paused");
    await isAccountedFor(world(), "drive");
    isFence({ launched, answeredMs: await takenMs(world(), rollout) });
  });

  it("so is the cancellation of a rollback, and what was reverted is what Status says", async () => {
    await comeToRest(world());
    // One that fails: RollbackAll is legal from paused.
    await world().change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0600'");
    const wanted = { image: image("back"), wave_percentages: [100] };
    const { body: paused } = await world().verb("Rollout", wanted);
    expect(paused).toMatchObject({ state: "paused", succeeded: 599, failed: 1 });
    const launched = await Launched.since(world());
    const rollback = await world().start("RollbackAll");
    await launched.reach(SOON);
    await press(world(), rollback, "cancel");
    await launched.during(world().answer(rollback));
    const status = await until("the rollback to be over", async () => {
      const now = await statusOf(world());
      return now.state === "cancelled" && now;
    });
    const left = (await world().on(wanted.image)).length;
    expect(status.reverted, "reverted, of the Deployments that were patched back").toBe(599 - left);
    isFence({ launched, answeredMs: await takenMs(world(), rollback) });
  });
});

describe("of 450 sentinels in two waves, with room for 200", () => {
  const world = fleetOf(450, 200, 1_000);

  it("Cancel in the steady state, while places come free, is a fence", async () => {
    const stop = await cancelled(world(), "steady", [100], (launched) => launched.reach(220));
    await isAccountedFor(world(), "steady");
    isFence(stop);
  });

  it("Cancel among the last results of a wave is a fence", async () => {
    const stop = await cancelled(world(), "last", [50, 100], (launched) =>
      until("most of wave 1 to be done", async () => {
        await launched.look();
        const { image: rolledOut, succeeded } = await statusOf(world());
        return rolledOut === image("last") && succeeded >= 200;
      }),
    );
    await isAccountedFor(world(), "last");
    isFence(stop);
  });

  it("Cancel in the opening burst of the next wave is a fence", async () => {
    const stop = await cancelled(world(), "next", [50, 100], (launched) => launched.reach(225 + 1));
    await isAccountedFor(world(), "next");
    isFence(stop);
  });
});
