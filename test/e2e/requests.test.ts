import { describe, expect } from "vitest";
import { call } from "../../src/local-stack/restate-api.ts";
import { it, NEW } from "../support/world.ts";

const SERVICE = "hydra.v1.SentinelRolloutService";

/** Verb, body, and what the answer must name. */
const BAD: [verb: string, body: unknown, names: RegExp][] = [
  ["Rollout", "{", /JSON/],
  ["Rollout", "[]", /JSON object/],
  ["Rollout", {}, /image is required/],
  ["Rollout", { image: "" }, /image/],
  ["Rollout", { image: 7 }, /image must be a string, got 7/],
  ["Rollout", { image: "ghcr.io/unkeyed/sentinel" }, /image .*tag or digest/],
  ["Rollout", { image: "not an image" }, /image/],
  ["Rollout", { image: `a:${"b".repeat(300)}` }, /255/],
  ["Rollout", { image: NEW, colour: "red" }, /"colour" is unknown/],
  ["Rollout", { image: NEW, wave_percentages: [] }, /wave_percentages/],
  ["Rollout", { image: NEW, wave_percentages: "all" }, /wave_percentages must be a list/],
  ["Rollout", { image: NEW, wave_percentages: [0, 100] }, /wave_percentages\[0\]/],
  ["Rollout", { image: NEW, wave_percentages: [50, 50, 100] }, /wave_percentages\[1\]/],
  ["Rollout", { image: NEW, wave_percentages: [10, 20] }, /wave_percentages must end with 100/],
  ["Rollout", { image: NEW, wavePercentages: [1.5, 100] }, /wave_percentages\[0\] .*whole number/],
  [
    "Rollout",
    { image: NEW, wave_percentages: [100], wavePercentages: [100] },
    /wave_percentages is given twice/,
  ],
  ["Plan", { image: "x" }, /image/],
  ["Cancel", { force: true }, /"force" is unknown/],
  ["Status", { verbose: 1 }, /"verbose" is unknown/],
  ["History", { limit: 1_001 }, /limit must be a whole number from 1 to 1000/],
];

describe("requests", () => {
  it.override({ options: { sentinels: 2 } });

  it("that are wrong get a 400 in one sentence that names the field, and change nothing", async ({
    world,
  }) => {
    for (const [verb, body, names] of BAD) {
      const answer = await world.verb(verb, body);
      expect(answer, `${verb} ${JSON.stringify(body)}`).toMatchObject({ status: 400, body: { code: 400 } });
      expect(answer.body.message).toMatch(names);
      expect(answer.body.message).toMatch(/^[^\n]{10,300}\.$/);
    }
    expect(await world.state()).toBeUndefined();
    expect(await world.on(NEW)).toEqual([]);
    expect(world.slack()).toEqual([]);
  });

  it("with any key but singleton get a 400 and write nothing", async ({ world }) => {
    for (const key of ["Singleton", "other", "singleton%20", "a%2Fb", "1"]) {
      for (const verb of ["Rollout", "Resume", "Cancel", "RollbackAll", "Status", "Plan", "History"]) {
        const body = verb === "Rollout" || verb === "Plan" ? { image: NEW } : {};
        const answer = await call<{ message: string }>(
          world.stack.ingress,
          `${SERVICE}/${key}/${verb}`,
          body,
        );
        expect(answer.status, `${key} ${verb}`).toBe(400);
        expect(answer.body.message).toContain("The key must be singleton");
      }
    }
    expect(await world.sql("SELECT * FROM state")).toEqual([]);
  });

  it("without a rollout: Status is idle, and the other verbs say what is legal", async ({ world }) => {
    expect(await world.status()).toMatchObject({ state: "idle", next: ["Rollout"], started_at: null });
    for (const verb of ["Resume", "Cancel", "RollbackAll"]) {
      const { status, body } = await world.verb(verb);
      expect(status).toBe(409);
      expect(body.message).toBe(`${verb} is not legal while the rollout is idle; legal now: Rollout.`);
    }
    expect(await world.sql("SELECT * FROM state")).toEqual([]);
  });

  it("may have an empty body, and no content type, where no field is required", async ({ world }) => {
    const response = await fetch(`${world.stack.ingress}/${SERVICE}/singleton/Status`, { method: "POST" });
    expect(response.status).toBe(200);
  });

  it("reach no hidden handler", async ({ world }) => {
    for (const path of [
      `${SERVICE}/singleton/Change`,
      `${SERVICE}/singleton/Lane`,
      `${SERVICE}/singleton/Launches`,
      `${SERVICE}/singleton/Load`,
      `${SERVICE}/singleton/Watch`,
      "hydra.v1.SentinelRolloutNotifier/slack/Deliver",
      "hydra.v1.SentinelRolloutHistory/an-id/Record",
    ]) {
      const { status } = await call(world.stack.ingress, path, { type: "cancel" });
      expect(status, path).toBe(400);
    }
  });

  it("to a sentinel that does not exist are a 404", async ({ world }) => {
    const { status, body } = await world.deploy("sen_nobody", { image: NEW });
    expect(status).toBe(404);
    expect(body.message).toBe("There is no sentinel sen_nobody.");
  });
});
