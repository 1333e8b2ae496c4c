import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { ids, NEW, OLD, World } from "../support/world.ts";
import { answerWithin, Launched, openOf, type Status, statusOf } from "./outside.ts";

/** 503 comes once the fleet could not be read for 30 s (contract); the rest is for the last attempt. */
const WITHIN_MS = 45_000;
const BEFORE = "ghcr.io/unkeyed/sentinel:before";

describe("while MySQL is frozen", () => {
  let world: World;
  let before: Status;
  let launched: Launched;
  let answers: Record<"Rollout" | "Plan", Awaited<ReturnType<typeof answerWithin>>>;

  beforeAll(async () => {
    world = new World(await startStack({ sentinels: 6, env: { DEPLOY_TIMEOUT_SECONDS: "60" } }));
    const { body } = await world.verb("Rollout", { image: BEFORE, wave_percentages: [100] });
    expect(body).toMatchObject({ state: "completed", succeeded: 6 });
    await until("the rows to be settled", async () =>
      (await world.rows()).every((row) => row.running_image === BEFORE),
    );
    before = await statusOf(world);
    launched = await Launched.since(world);
    await world.stack.mysql.process?.signal("SIGSTOP");
    const wanted = { image: NEW, wave_percentages: [100] };
    const [Rollout, Plan] = await Promise.all([
      answerWithin(world, "Rollout", WITHIN_MS, wanted),
      answerWithin(world, "Plan", WITHIN_MS, wanted),
    ]);
    answers = { Rollout, Plan };
    await world.stack.mysql.process?.signal("SIGCONT");
  });
  afterAll(() => world.close());

  for (const verb of ["Rollout", "Plan"] as const) {
    it(`${verb} answers 503 and says that it is MySQL`, () => {
      expect(answers[verb]).toMatchObject({ status: 503, message: expect.stringMatching(/MySQL/i) });
    });
  }

  it("nothing was begun that starts by itself once MySQL is back", async () => {
    const { body } = await world.deploy("sen_0003", { image: OLD });
    expect(body).toEqual({ status: "ready" });
    // However long an attempt of what was asked for meanwhile goes on: only then is all that can come of it there.
    await until("no verb to be under way", async () => (await openOf(world, ["Rollout", "Plan"])) === 0);
    await launched.look();
    expect([...launched.calls.values()].map(({ sentinel }) => sentinel)).toEqual(["sen_0003"]);
    const { state, rollout_id, image, started_at } = await statusOf(world);
    expect({ state, rollout_id, image, started_at }).toEqual({
      state: before.state,
      rollout_id: before.rollout_id,
      image: before.image,
      started_at: before.started_at,
    });
    expect(await world.on(BEFORE)).toEqual(ids(1, 6).filter((id) => id !== "sen_0003"));
  });
});
