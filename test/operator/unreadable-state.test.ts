import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { it, NEW, type World } from "../support/world.ts";
import { answerWithin, editState, Launched, stateOf, statusOf } from "./outside.ts";

const WITHIN_MS = 2_000;
const KEY = "rolloutState";
/** What somebody may leave in the State tab. */
const UNREADABLE = ["hello", '{"state":"banana"}', "42", "[]"];
/** The rollout is paused: all but Rollout would be legal, and change something. */
const VERBS = ["Status", "Cancel", "Rollout", "Resume", "RollbackAll"];

/** Edits it, and waits until Restate shows the edited value. */
async function edit(world: World, values: Record<string, string>, key = KEY): Promise<void> {
  await editState(world, values);
  const shows = async () => (await stateOf(world))[key] === values[key];
  await until(`Restate to show ${values[key]?.slice(0, 40)}`, shows, 10_000);
}

describe("rolloutState that was edited", () => {
  it.override({ options: { sentinels: 3 } });

  for (const value of UNREADABLE) {
    it(`to ${value}: every verb says so, and what to do; a repaired value counts at once`, async ({
      world,
    }) => {
      await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0001'");
      const rollout = await world.verb("Rollout", { image: NEW, wave_percentages: [33, 100] });
      expect(rollout.body).toMatchObject({ state: "paused", failed: 1 });
      await world.quiet();
      const before = await statusOf(world);
      const values = await stateOf(world);
      const launched = await Launched.since(world);

      await edit(world, { ...values, [KEY]: value });
      const answers: Record<string, { status: number | "no answer"; message: string }> = {};
      for (const verb of VERBS) {
        const body = verb === "Rollout" ? { image: NEW } : {};
        const { status, message } = await answerWithin(world, verb, WITHIN_MS, body);
        answers[verb] = { status, message };
      }
      // Whatever comes after the colon says what is wrong, and what to do.
      const says = { status: 500, message: expect.stringMatching(/^rolloutState is unreadable.{20,}/s) };
      expect.soft(answers).toEqual(Object.fromEntries(VERBS.map((verb) => [verb, says])));
      expect.soft((await stateOf(world))[KEY], "what nobody could read is left as it is").toBe(value);

      await edit(world, values);
      const repaired = await answerWithin(world, "Status", WITHIN_MS);
      expect(repaired).toMatchObject({ status: 200, state: "paused" });
      const { state, rollout_id, succeeded, failed, next } = await statusOf(world);
      expect({ state, rollout_id, succeeded, failed, next }).toEqual({
        state: before.state,
        rollout_id: before.rollout_id,
        succeeded: before.succeeded,
        failed: before.failed,
        next: before.next,
      });
      // What was refused is over, and does not come to life with the state.
      const resumed = await answerWithin(world, "Resume", 20_000);
      expect(resumed).toMatchObject({ status: 200, state: "completed" });
      await launched.look();
      expect([...launched.calls.values()].map(({ sentinel }) => sentinel).sort()).toEqual([
        "sen_0002",
        "sen_0003",
      ]);
    });
  }
});

describe("the drive that was edited", () => {
  it.override({ options: { sentinels: 3 } });

  it("is told by every verb; without the key Status answers, and what it took is rolled back", async ({
    world,
  }) => {
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0001'");
    const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [66, 100] });
    expect(body).toMatchObject({ state: "paused", failed: 1, succeeded: 1 });
    await world.quiet();
    const values = await stateOf(world);
    const rolloutId = (body as { rollout_id: string }).rollout_id;
    for (const drive of ["hello", JSON.stringify({ rolloutId, lanes: { 1: 7 } })]) {
      await edit(world, { ...values, drive }, "drive");
      for (const verb of ["Status", "Cancel", "Resume", "RollbackAll"]) {
        const { status, message } = await answerWithin(world, verb, WITHIN_MS);
        expect.soft({ verb, status, message }).toEqual({
          verb,
          status: 500,
          message: expect.stringMatching(/^drive is unreadable: .*clear the key/),
        });
      }
    }
    const { drive: _, ...without } = values;
    await editState(world, without);
    await until("the key to be gone", async () => (await stateOf(world)).drive === undefined, 10_000);
    expect(await answerWithin(world, "Status", WITHIN_MS)).toMatchObject({ status: 200, state: "paused" });
    expect(await answerWithin(world, "Cancel", WITHIN_MS)).toMatchObject({ status: 200, state: "cancelled" });
    const back = await world.verb("RollbackAll", {});
    expect(back.body).toMatchObject({ reverted: 1, total: 1, state: "cancelled" });
  });
});
