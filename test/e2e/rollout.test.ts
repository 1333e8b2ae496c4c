import { describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { ids, it, NEW, OLD } from "../support/world.ts";

describe("a rollout of 100 sentinels", () => {
  it.override({ options: { sentinels: 100 } });

  it("takes all of them in waves of 1, 4, 20, 25 and 50, and tells Slack in order", async ({ world }) => {
    const { status, body } = await world.verb("Rollout", { image: NEW });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      state: "completed",
      image: NEW,
      total: 100,
      succeeded: 100,
      failed: 0,
      wave: 5,
      waves: 5,
      failures: [],
      next: ["Rollout"],
    });
    const state = await world.state();
    expect(state?.waves.map((wave) => wave.length)).toEqual([1, 4, 20, 25, 50]);
    expect(state?.waves.flat()).toEqual(ids(1, 100));
    expect(state).toMatchObject({
      rolloutId: body.rollout_id,
      state: "completed",
      currentWave: 4,
      failedIds: [],
      revertedIds: [],
      pauseReason: "",
    });
    expect([...(state?.succeededIds ?? [])].sort()).toEqual(ids(1, 100));
    expect(new Set(Object.values(state?.previousImages ?? {}))).toEqual(new Set([OLD]));
    expect(await world.on(NEW)).toEqual(ids(1, 100));
    for (const row of await world.rows()) {
      expect(row).toMatchObject({
        image: NEW,
        running_image: NEW,
        deploy_status: "ready",
        deploy_error: null,
        health: "healthy",
      });
    }
    await world.quiet();
    expect(world.slack()).toEqual([
      "Sentinel rollout started",
      ...[1, 2, 3, 4, 5].flatMap((n) => [
        `Sentinel rollout: wave ${n}/5 started`,
        `Sentinel rollout: wave ${n}/5 completed`,
      ]),
      "Sentinel rollout completed",
    ]);
  });

  it("moves rows from progressing to ready, and its state within a wave", async ({ world }) => {
    await Promise.all(
      ids(51, 100).map((id, i) =>
        world.annotate(id, { "sentinel-rollout.dev/fault": `slow:${1 + (i % 4)}` }),
      ),
    );
    await world.annotate("sen_0051", { "sentinel-rollout.dev/fault": "slow:12" });
    const rollout = await world.start("Rollout", { image: NEW });
    const wave = await world.untilState("wave 5 to have run in part", (state) => {
      const done = state.succeededIds.filter((id) => id > "sen_0050").length;
      return state.currentWave === 4 && done > 10 && done < 50;
    });
    expect(wave.succeededIds).not.toContain("sen_0051");
    expect(await world.row("sen_0051")).toMatchObject({
      deploy_status: "progressing",
      image: NEW,
      running_image: OLD,
    });
    expect(await world.status()).toMatchObject({
      state: "in_progress",
      wave: 5,
      waves: 5,
      failed: 0,
      next: ["Cancel", "Pause", "Abort", "Freeze"],
    });
    expect((await world.answer(rollout)).body).toMatchObject({ state: "completed", succeeded: 100 });
    expect(await world.row("sen_0051")).toMatchObject({ deploy_status: "ready", running_image: NEW });
  });

  it("leaves a journal that reads like its story, with a number of writes that does not grow with the wave", async ({
    world,
  }) => {
    const rollout = await world.start("Rollout", { image: NEW });
    await world.answer(rollout);
    const journal = await world.journal(rollout);
    const story = journal
      .map((entry) => entry.name)
      .filter((name) => /^wave \d\/5: \d+ sentinels?$/.test(name));
    expect(story).toEqual([
      "wave 1/5: 1 sentinel",
      "wave 2/5: 4 sentinels",
      "wave 3/5: 20 sentinels",
      "wave 4/5: 25 sentinels",
      "wave 5/5: 50 sentinels",
    ]);
    const deploys = journal.filter((entry) => entry.target?.endsWith("/Deploy"));
    expect(deploys.map((entry) => entry.target)).toEqual(
      ids(1, 100).map((id) => `hydra.v1.SentinelService/${id}/Deploy`),
    );
    const last = journal.findIndex((entry) => entry.name === "wave 5/5: 50 sentinels");
    const writes = journal.slice(last).filter((entry) => entry.target?.endsWith("/Transition"));
    expect(writes.length).toBeLessThan(40);
  });

  it("logs the runbook's lines once each", async ({ world }) => {
    await world.verb("Rollout", { image: NEW });
    const logged = (text: string) => world.stack.service.logs().filter((line) => line.msg === text);
    expect(logged("starting sentinel rollout")).toHaveLength(1);
    expect(logged("starting wave").map((line) => line.wave)).toEqual([1, 2, 3, 4, 5]);
    expect(logged("starting wave").every((line) => typeof line.rolloutId === "string")).toBe(true);
  });
});

describe("a rollout", () => {
  it.override({ options: { sentinels: 10 } });

  it("is refused at once while another one runs", async ({ world }) => {
    await world.annotate("sen_0001", { "sentinel-rollout.dev/fault": "slow:5" });
    const running = await world.start("Rollout", { image: NEW });
    await world.untilState("in_progress", ({ state }) => state === "in_progress");
    const { status, body } = await world.verb("Rollout", { image: "ghcr.io/unkeyed/sentinel:v9" });
    expect(status).toBe(409);
    expect(body.message).toBe(
      "Rollout is not legal while the rollout is in_progress; legal now: Cancel, Pause, Abort.",
    );
    expect((await world.status()).state).toBe("in_progress");
    expect((await world.answer(running)).body.state).toBe("completed");
    expect(await world.on(NEW)).toEqual(ids(1, 10));
  });

  it("starts once when a hundred callers start it together", async ({ world }) => {
    await world.annotate("sen_0001", { "sentinel-rollout.dev/fault": "slow:4" });
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => world.verb("Rollout", { image: NEW })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(99);
    await world.quiet();
    expect(world.slack().filter((header) => header === "Sentinel rollout started")).toHaveLength(1);
  });

  it("takes the waves it is given, with either spelling, and /send", async ({ world }) => {
    const invocation = await world.start("Rollout", { image: NEW, wavePercentages: [30, 100] });
    expect((await world.answer(invocation)).body).toMatchObject({ state: "completed", waves: 2 });
    expect((await world.state())?.waves).toEqual([ids(1, 3), ids(4, 10)]);
    const back = await world.verb("Rollout", { image: OLD, wave_percentages: [100] });
    expect(back.body).toMatchObject({ state: "completed", waves: 1, succeeded: 10 });
    expect(await world.on(OLD)).toEqual(ids(1, 10));
  });

  it("of an image that all of them serve is a 409 that says so", async ({ world }) => {
    const { status, body } = await world.verb("Rollout", { image: OLD });
    expect(status).toBe(409);
    expect(body.message).toBe(`Nothing to roll out: all 10 running sentinels already serve ${OLD}.`);
    expect(await world.state()).toBeUndefined();
    await world.verb("Rollout", { image: NEW });
    expect((await world.verb("Rollout", { image: NEW })).status).toBe(409);
  });

  it("of nothing is completed and leaves the state untouched", async ({ world }) => {
    await world.change("UPDATE sentinels SET desired_state = 'standby'");
    const { status, body } = await world.verb("Rollout", { image: NEW });
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: "completed", total: 0 });
    expect(await world.state()).toBeUndefined();
    expect(await world.on(OLD)).toEqual(ids(1, 10));
  });

  it("leaves alone who is not meant to run, and who serves the image already", async ({ world }) => {
    await world.change("UPDATE sentinels SET desired_state = 'archived' WHERE id = 'sen_0002'");
    await world.change(`UPDATE sentinels SET deploy_status = 'failed' WHERE id = 'sen_0004'`);
    const deploy = await until("the first sentinel to be deployed by itself", async () => {
      const answer = await world.deploy("sen_0003", { image: NEW });
      return answer.status === 200 && answer;
    });
    expect(deploy.body).toEqual({ status: "ready" });
    const plan = await world.verb<{ total: number; left_out: unknown }>("Plan", { image: NEW });
    expect(plan.body).toMatchObject({ total: 8, left_out: [{ count: 1 }] });
    expect((await world.verb("Rollout", { image: NEW })).body).toMatchObject({
      state: "completed",
      total: 8,
      succeeded: 8,
    });
    expect(await world.on(OLD)).toEqual(["sen_0002"]);
  });
});
