import { describe, expect } from "vitest";
import type { HistoryResponse } from "../../src/restate/history-schemas.ts";
import { until } from "../support/until.ts";
import { ids, it, type World } from "../support/world.ts";
import { openDeploys, press, stateOf, statusOf } from "./outside.ts";

const FLEET = ids(1, 6);
const image = (tag: string) => `ghcr.io/unkeyed/sentinel:${tag}`;

/** A rollout of all sentinels at once, cancelled as soon as all of them are in flight. */
async function cancelled(world: World, tag: string, openBefore: number) {
  const call = await world.start("Rollout", { image: image(tag), wave_percentages: [100] });
  await until(`all of ${tag} to be in flight`, async () => {
    const { image: present } = await statusOf(world);
    return present === image(tag) && (await openDeploys(world)) === openBefore + FLEET.length;
  });
  const { body } = await world.verb("Cancel");
  expect(body.state).toBe("cancelled");
  return { call, id: body.rollout_id };
}

async function history(world: World, rolloutId: string) {
  const { body } = await world.verb<HistoryResponse>("History", { rollout_id: rolloutId });
  return body.rollouts[0];
}

describe("rollouts that others have replaced", () => {
  it.override({ options: { sentinels: FLEET.length, env: { DEPLOY_TIMEOUT_SECONDS: "60" } } });

  it("each settle, are recorded and answer with their own numbers; a cancellation of the call changes nothing of that", async ({
    world,
  }) => {
    await Promise.all(FLEET.map((id) => world.fault(id, "slow:6", image("a"))));
    const a = await cancelled(world, "a", 0);
    // Its Deploys wait for those of the first one, and then stand down.
    const b = await cancelled(world, "b", FLEET.length);
    const c = await world.start("Rollout", { image: image("c"), wave_percentages: [100] });
    await until("the third one to have begun", async () => (await statusOf(world)).image === image("c"));
    await press(world, a.call, "cancel");
    const answers = { a: await world.answer(a.call), b: await world.answer(b.call) };
    expect(answers.a.body).toMatchObject({
      ...{ state: "cancelled", rollout_id: a.id, image: image("a") },
      ...{ succeeded: FLEET.length, in_flight: 0 },
    });
    expect(answers.b.body).toMatchObject({
      state: "cancelled",
      rollout_id: b.id,
      succeeded: 0,
      in_flight: 0,
    });
    expect((await world.answer(c)).body).toMatchObject({ state: "completed", succeeded: FLEET.length });
    await world.quiet();
    expect(await history(world, a.id)).toMatchObject({
      state: "cancelled",
      succeeded: FLEET.length,
      failed: 0,
    });
    expect(await history(world, b.id)).toMatchObject({ state: "cancelled", succeeded: 0, failed: 0 });
    expect(await world.on(image("c"))).toEqual(FLEET);
  });
});

describe("a rollout that another one has replaced, and whose call is killed", () => {
  it.override({ options: { sentinels: FLEET.length, env: { DEPLOY_TIMEOUT_SECONDS: "60" } } });

  it("is forgotten with all its keys, and Slack hears of how many nobody knows", async ({ world }) => {
    await Promise.all(FLEET.map((id) => world.fault(id, "slow:20", image("a"))));
    const a = await cancelled(world, "a", 0);
    // The watchdog has seen the drive, and will not see it any more.
    await world.start("Rollout", { image: image("b"), wave_percentages: [100] });
    await until("the second one to have begun", async () => (await statusOf(world)).image === image("b"));
    expect(await keysOf(world, a.id)).not.toEqual([]);
    await world.end(a.call, "kill");
    await until("the first one to be forgotten", async () => (await keysOf(world, a.id)).length === 0);
    const told = await until("Slack to hear of it", async () =>
      world.stack.slack.messages.find(({ text }) => text.includes("not all results are known")),
    );
    expect(JSON.stringify(told)).toContain(a.id);
    expect(JSON.stringify(told)).toContain(`${FLEET.length} Deploys in flight have no result`);
  });
});

/** What the state keeps of a replaced rollout; and the books of lanes that the present drive does not know. */
async function keysOf(world: World, rolloutId: string): Promise<string[]> {
  const state = await stateOf(world);
  const { lanes } = JSON.parse(state.drive ?? "{}") as { lanes: Record<string, unknown> };
  return Object.keys(state).filter(
    (key) => key === `former/${rolloutId}` || (key.startsWith("lane/") && !(key.slice(5) in lanes)),
  );
}

describe("a drive that was cancelled in Restate", () => {
  it.override({
    options: { sentinels: FLEET.length, env: { DEPLOY_TIMEOUT_SECONDS: "60", MAX_IN_FLIGHT: "2" } },
  });

  it("is told of while its Deploys settle, and its pause says what Resume does", async ({ world }) => {
    await Promise.all(FLEET.map((id) => world.fault(id, "slow:6", image("a"))));
    const call = await world.start("Rollout", { image: image("a"), wave_percentages: [100] });
    await until("two in flight", async () => (await openDeploys(world)) === 2);
    await press(world, call, "cancel");
    const stopping = await until("Status to tell of it", async () => {
      const status = await statusOf(world);
      return status.message.includes("launches nothing more") && status;
    });
    expect(stopping).toMatchObject({ state: "in_progress", in_flight: 2, waiting: FLEET.length - 2 });
    expect(stopping.waiting_for).toMatch(/^2 Deploys in flight to settle/);
    const { body } = await world.answer(call);
    expect(body).toMatchObject({ state: "paused", succeeded: 2, waiting: FLEET.length - 2 });
    expect(body.message).toContain(`Resume: deploy the ${FLEET.length - 2} of this wave without a result`);
  });
});
