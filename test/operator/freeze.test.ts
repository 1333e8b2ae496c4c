import { describe, expect } from "vitest";
import { call } from "../../src/local-stack/restate-api.ts";
import type { FreezeResponse } from "../../src/restate/freeze-schemas.ts";
import type { RolloutResponse } from "../../src/restate/rollout-schemas.ts";
import { until } from "../support/until.ts";
import { it, NEW, type Refusal, ROLLOUT, type World } from "../support/world.ts";
import { answerWithin, editState, stateOf } from "./outside.ts";

const NEXT = NEW.replace(/v1.*$/, "v9.9.9");
/** Waves of 1, 1 and 1. */
const WAVES = [33, 66, 100];
const REASON = "year-end closing";
const ANYWAY = { override_freeze: true, comment: "the fix for the outage" };
/** The header of each message about a freeze. */
const FREEZE_NEWS = /frozen|freeze/;

/** A verb of somebody who says who they are. */
function as<T = RolloutResponse & Refusal>(world: World, operator: string, verb: string, body: object = {}) {
  return call<T>(world.stack.ingress, `${ROLLOUT}/${verb}`, body, { headers: { "x-operator": operator } });
}

function freeze(world: World, body: object = {}, operator = "alice") {
  return as<FreezeResponse & Refusal>(world, operator, "Freeze", { reason: REASON, ...body });
}

function inMs(ms: number): { text: string; ms: number } {
  const at = Date.now() + ms;
  return { text: new Date(at).toISOString(), ms: at };
}

const isOver = (moment: { ms: number }) => until("the moment to come", () => Date.now() >= moment.ms, 20_000);

const news = (world: World) => world.slack().filter((header) => FREEZE_NEWS.test(header));

async function timerOf(world: World): Promise<string | undefined> {
  const [timer] = await world.running(`${ROLLOUT}/EndFreeze`);
  return timer;
}

describe("Freeze", () => {
  it.override({ options: { sentinels: 3, env: { FAIL_FAST_SECONDS: "1" } } });

  it("of an idle service refuses a Rollout, and lets one through that says why; what stops is never frozen", async ({
    world,
  }) => {
    const moment = inMs(600_000);
    const frozen = await freeze(world, { until: moment.text, comment: "by the calendar" });
    const said = `Frozen by alice until ${moment.text}: ${REASON}; a Rollout needs override_freeze and a comment, or Unfreeze first.`;
    expect(frozen).toEqual({
      status: 200,
      body: {
        frozen: { reason: REASON, by: "alice", since: expect.any(String), until: moment.text },
        state: "idle",
        rollout_id: "",
        next: ["Unfreeze"],
        message: `No rollout has run yet. ${said}`,
      },
    });
    expect(await world.status()).toMatchObject({ ...frozen.body, phase: "idle", waiting_for: "" });

    const refusal = `Rollout is frozen: frozen by alice until ${moment.text}: ${REASON}. Nothing was changed. Wait until the freeze has ended, call Unfreeze, or send "override_freeze": true with a comment; Pause, Cancel, Abort and RollbackAll are never frozen.`;
    const body = { image: NEW, wave_percentages: WAVES };
    expect(await world.verb("Rollout", body)).toMatchObject({ status: 409, body: { message: refusal } });
    for (const comment of [undefined, "", "  \n"]) {
      const { status, body: answer } = await world.verb("Rollout", {
        ...body,
        override_freeze: true,
        comment,
      });
      expect(status).toBe(400);
      expect(answer.message).toMatch(/^The field comment .*must say why the freeze is overridden/);
    }
    expect(await world.status()).toMatchObject({ state: "idle" });

    // It goes through its waves in spite of it, and is paused by a failure as ever.
    await world.fault("sen_0002", "CreateContainerConfigError", NEW);
    const begun = await world.verb("Rollout", { ...body, ...ANYWAY });
    expect(begun.body).toMatchObject({ state: "paused", pause_kind: "failure", wave: 2 });
    expect(begun.body.next).toEqual(["Cancel", "RollbackAll", "Abort", "Unfreeze"]);
    const resume = await world.verb("Resume", begun.body.guard ?? {});
    expect(resume).toMatchObject({ status: 409, body: { message: refusal.replace("Rollout", "Resume") } });
    expect(await world.verb("RollbackAll")).toMatchObject({ status: 200, body: { reverted: 1 } });
    const later = await world.verb("Rollout", { image: NEXT });
    expect(later).toMatchObject({ status: 409, body: { message: refusal } });

    const unfrozen = await as<FreezeResponse>(world, "bob", "Unfreeze", { comment: "all is closed" });
    expect(unfrozen.body).toMatchObject({ frozen: null, state: "cancelled" });
    const again = await as<FreezeResponse>(world, "bob", "Unfreeze");
    expect(again).toMatchObject({ status: 200, body: { frozen: null } });
    expect(again.body.message).toMatch(/^Nothing is frozen\. Cancelled/);
    expect((await world.verb("Rollout", { image: NEXT })).body.state).toBe("completed");
    await until("Slack to hear of it", () => news(world).length === 2);
    expect(news(world)).toEqual(["Sentinel rollouts frozen by alice", "Sentinel rollouts unfrozen by bob"]);
    const [first, second] = world.stack.slack.messages.filter(({ text }) =>
      /^Sentinel rollouts (un)?frozen/.test(text),
    );
    expect(first?.text).toContain(`*Until:* ${moment.text}\n*Why:* ${REASON} · *Comment:* by the calendar`);
    expect(second?.text).toContain("*Comment:* all is closed");
  });

  it("pauses a running rollout at the end of its wave, and says what to do; it stays paused when the freeze has ended", async ({
    world,
  }) => {
    await world.fault("sen_0001", "slow:1.5");
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: WAVES });
    await until("its wave to run", async () => (await world.row("sen_0001")).deploy_status === "progressing");
    expect((await world.status()).next).toEqual(["Cancel", "Pause", "Abort", "Freeze"]);
    const frozen = await freeze(world);
    expect(frozen.body).toMatchObject({
      state: "in_progress",
      next: ["Cancel", "Pause", "Abort", "Unfreeze"],
    });
    expect(frozen.body.message).toMatch(/it is paused at the end of this wave\.$/);
    const { body: paused } = await world.answer(rollout);
    expect(paused).toMatchObject({ state: "paused", pause_kind: "freeze", wave: 1, succeeded: 1, failed: 0 });
    expect(paused.message).toContain(`Paused in wave 1 of 3: frozen by alice: ${REASON}. `);
    expect(await world.on(NEW)).toEqual(["sen_0001"]);
    expect(await world.status()).toMatchObject({
      waiting_for: "an operator: Cancel, RollbackAll or Unfreeze",
    });
    const told = await until("Slack to hear of it", () =>
      world.stack.slack.messages.find(({ text }) => text.startsWith("Sentinel rollout paused in wave 1/3")),
    );
    expect(told.text).toContain(
      "• *Resume* – once the freeze has ended, or with `override_freeze` and a comment: go on with wave 2\n• *Unfreeze* – ",
    );

    // In spite of this freeze it goes on through its waves; a newer one stops it again.
    await world.fault("sen_0002", "slow:1.5");
    const resumed = await world.start("Resume", { ...paused.guard, ...ANYWAY });
    await until("wave 2 to run", async () => (await world.row("sen_0002")).deploy_status === "progressing");
    expect((await world.status()).message).toContain("this rollout goes on in spite of it");
    await freeze(world, {}, "carol");
    expect((await world.answer(resumed)).body).toMatchObject({
      state: "paused",
      pause_kind: "freeze",
      wave: 2,
    });

    expect((await world.verb("Unfreeze")).status).toBe(200);
    const rests = await world.status();
    expect(rests).toMatchObject({ state: "paused", pause_kind: "freeze", frozen: null });
    expect(rests.next).toEqual(["Resume", "Cancel", "RollbackAll", "Abort", "Freeze"]);
    expect((await world.verb("Resume")).body).toMatchObject({ state: "completed", succeeded: 3 });
  });

  it("ends by itself at its moment, and Slack hears of it once", async ({ world }) => {
    const replaced = inMs(1_500);
    await freeze(world, { until: replaced.text });
    const moment = inMs(4_000);
    await freeze(world, { until: moment.text, reason: "another reason" });
    await isOver(replaced);
    // The end of what was replaced is not the end of this one.
    await until("the first timer to have rung", async () => {
      return (await world.running(`${ROLLOUT}/EndFreeze`)).length === 1;
    });
    const early = await world.verb("Rollout", { image: NEW });
    expect(early).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining("another reason") },
    });
    await isOver(moment);
    expect((await world.verb("Rollout", { image: NEW })).body).toMatchObject({ state: "completed" });
    await until("Slack to hear of it", () => news(world).length === 3);
    await world.quiet();
    expect(news(world)).toEqual([
      ...Array(2).fill("Sentinel rollouts frozen by alice"),
      "Sentinel rollouts: freeze ended",
    ]);
    expect(await stateOf(world)).not.toHaveProperty("freeze");
  });

  it("ends also while the service is dead, and if its timer was killed", async ({ world }) => {
    const { process } = world.stack.service;
    const moment = inMs(4_000);
    await freeze(world, { until: moment.text });
    // A service that dies as it tells Slack may tell it twice.
    await until("Slack to have been told", async () => {
      const running = await world.sql(
        "SELECT id FROM sys_invocation WHERE target LIKE '%Deliver' AND status <> 'completed'",
      );
      return running.length === 0 && news(world).length === 1;
    });
    await process.signal("SIGKILL");
    await isOver(moment);
    await process.start();
    expect((await world.verb("Rollout", { image: NEW })).body).toMatchObject({ state: "completed" });
    await until("Slack to hear of it", () => news(world).length === 2);

    const next = inMs(4_000);
    await freeze(world, { until: next.text });
    const timer = await until("its timer", () => timerOf(world));
    await world.end(timer, "kill");
    expect((await world.verb("Rollout", { image: NEXT })).status).toBe(409);
    await isOver(next);
    expect(await world.status()).toMatchObject({ frozen: null, next: ["Rollout"] });
    expect((await world.verb("Rollout", { image: NEXT })).body).toMatchObject({ state: "completed" });
    // Nobody was there to tell; the next who asks does.
    await world.verb("Unfreeze");
    await until("Slack to hear of it", () => news(world).length === 4);
    expect(news(world).filter((header) => header === "Sentinel rollouts: freeze ended")).toHaveLength(2);
  });

  it("that was edited so that nobody can read it is an error that says what to do, and is in no way of a stop", async ({
    world,
  }) => {
    await world.fault("sen_0001", "CreateContainerConfigError");
    await world.verb("Rollout", { image: NEW, wave_percentages: WAVES });
    await freeze(world);
    await world.quiet();
    const values = await stateOf(world);
    await editState(world, { ...values, freeze: '{"reason":7}' });
    await until("Restate to show it", async () => (await stateOf(world)).freeze === '{"reason":7}');
    const message = expect.stringMatching(
      /freeze is unreadable: it is not a freeze\. Put back .*, or call Unfreeze, or Freeze anew/,
    );
    expect(await answerWithin(world, "Resume", 5_000)).toMatchObject({ status: 500, message });
    expect(await answerWithin(world, "Status", 5_000)).toMatchObject({
      status: 200,
      state: "paused",
      message,
    });
    expect(await answerWithin(world, "Cancel", 5_000)).toMatchObject({ status: 200, state: "cancelled" });
    expect(await answerWithin(world, "Rollout", 5_000, { image: NEW })).toMatchObject({
      status: 500,
      message,
    });
    expect(await answerWithin(world, "Unfreeze", 5_000)).toMatchObject({ status: 200 });
    await world.fault("sen_0001", "");
    expect((await world.verb("Rollout", { image: NEXT })).status).toBe(200);
  });

  it("takes a moment of the coming year alone", async ({ world }) => {
    for (const [when, says] of [
      ["2020-01-31T08:00:00Z", "must be in the future"],
      [inMs(367 * 24 * 3_600_000).text, "must be at most a year from now"],
    ]) {
      const { status, body } = await freeze(world, { until: when });
      expect(status).toBe(400);
      expect(body.message).toContain(`The field until ${says}`);
    }
    expect(await world.status()).toMatchObject({ frozen: null });
    const moment = inMs(60_000);
    const inIndia = new Date(moment.ms + 5.5 * 3_600_000).toISOString().replace("Z", "+05:30");
    expect((await freeze(world, { until: inIndia })).body.frozen?.until).toBe(moment.text);
  });
});
