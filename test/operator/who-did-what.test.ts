import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/local-stack/restate-api.ts";
import { startStack } from "../../src/local-stack/stack.ts";
import type { HistoryResponse } from "../../src/restate/history-schemas.ts";
import type { RolloutResponse } from "../../src/restate/rollout-schemas.ts";
import { until } from "../support/until.ts";
import { NEW, type Refusal, ROLLOUT, World } from "../support/world.ts";

type Answer = RolloutResponse & Refusal;
type Act = HistoryResponse["actions"][number];

const WAVES = [25, 75, 100];

let world: World;
let images = 0;
beforeAll(async () => {
  world = new World(await startStack({ sentinels: 4, env: { FAIL_FAST_SECONDS: "1" } }));
});
afterAll(() => world.close());

/** As an operator who says who it is. */
function as(operator: string, verb: string, body: object = {}, header = "x-operator") {
  const headers = { [header]: operator, authorization: "Bearer canary" };
  return call<Answer>(world.stack.ingress, `${ROLLOUT}/${verb}`, body, { headers });
}

async function history(body: object = {}): Promise<HistoryResponse> {
  const { status, body: answer } = await world.verb<HistoryResponse & Refusal>("History", body);
  expect(status, answer.message).toBe(200);
  return answer;
}

/** Without what differs from run to run. */
function told({ verb, operator, comment, from, to, refused }: Act): unknown[] {
  return [verb, operator, comment, from, to, refused === null ? null : refused.slice(0, 40)];
}

/** All actions, the oldest first, once all of the queue is written. */
async function actions(body: object = {}): Promise<Act[]> {
  await world.quiet();
  return (await history({ limit: 1_000, ...body })).actions.toReversed();
}

function image(): string {
  return NEW.replace(/v1.*$/, `v7.0.${++images}`);
}

/** A rollout that pauses in its first wave. */
async function paused(operator = "alice"): Promise<string> {
  await world.fault("sen_0001", "CreateContainerConfigError");
  const request = { image: image(), wave_percentages: WAVES, comment: "the fix" };
  const { body } = await as(operator, "Rollout", request);
  expect(body).toMatchObject({ state: "paused", wave: 1, failed: 1 });
  return body.rollout_id ?? "";
}

async function over(): Promise<void> {
  const { next } = await world.status();
  if (!next.includes("Rollout")) await world.verb("Cancel");
  await world.fault("sen_0001", "none");
  await world.quiet();
}

describe("who did what", () => {
  it("is told of each verb once, whether it was taken or refused, with from, to and why", async () => {
    const before = (await actions()).length;
    expect((await as("bob", "Resume", { comment: "too early" })).status).toBe(409);
    const id = await paused();
    expect((await as("bob", "Pause")).status).toBe(409);
    expect((await as("bob", "Resume", { rollout_id: id, wave: 2, comment: "late" })).status).toBe(409);
    expect((await as("bob", "Rollout", { image: NEW })).status).toBe(409);
    expect((await as("carol", "Cancel", { comment: "  not \n tonight " }, "x-started-by")).status).toBe(200);
    expect((await as("carol", "Abort")).status).toBe(409);
    expect((await as("dave", "RollbackAll", { comment: "back" })).status).toBe(200);
    // Nobody hears of what is malformed.
    expect((await as("eve", "Cancel", { nonsense: 1 })).status).toBe(400);
    await world.verb("Resume");

    const all = (await actions()).slice(before);
    expect(all.map(told)).toEqual([
      ["Resume", "bob", "too early", "idle", null, "Resume is not legal while the rollout is"],
      ["Rollout", "alice", "the fix", "idle", "in_progress", null],
      ["Pause", "bob", null, "paused", null, "Pause is not legal while the rollout is "],
      ["Resume", "bob", "late", "paused", null, `You saw wave 2 of rollout ${id}`.slice(0, 40)],
      ["Rollout", "bob", null, "paused", null, "Rollout is not legal while the rollout i"],
      ["Cancel", "carol", "not tonight", "paused", "cancelled", null],
      ["Abort", "carol", null, "cancelled", null, "Abort is not legal while the rollout is "],
      ["RollbackAll", "dave", "back", "cancelled", "rolling_back", null],
      ["Resume", null, null, "cancelled", null, "Resume is not legal while the rollout is"],
    ]);
    expect(all.map(({ rollout_id }) => rollout_id)).toEqual([null, ...all.slice(1).map(() => id)]);
    for (const each of all) {
      expect(each.id).toMatch(/^inv_/);
      expect(each.at).toMatch(/^20\d\d-.*Z$/);
    }
    expect(JSON.stringify(all)).not.toContain("canary");
    expect((await actions({ rollout_id: id })).map(told)).toEqual(all.slice(1).map(told));

    const lines = world.stack.service.logs().filter(({ msg }) => String(msg).startsWith("verb "));
    expect(lines.slice(before).map(({ msg, verb, operator }) => [msg, verb, operator])).toEqual(
      all.map(({ verb, operator, refused }) => [
        refused === null ? "verb taken" : "verb refused",
        verb,
        operator ?? undefined,
      ]),
    );
    await over();
  });

  it("is told in Slack, and in the log of what starts", async () => {
    const from = world.slack().length;
    await paused("<!channel> & alice");
    await as("bob", "Resume", { comment: "known <flake>" });
    await world.quiet();
    const messages = world.stack.slack.messages.slice(from);
    const headers = world.slack().slice(from);
    expect(headers[0]).toBe("Sentinel rollout started by <!channel> & alice");
    expect(messages[0]?.text).toMatch(/^Sentinel rollout started by &lt;!channel&gt; &amp; alice · /);
    expect(headers).toContain("Sentinel rollout resumed by bob");
    const resumed = messages[headers.indexOf("Sentinel rollout resumed by bob")];
    expect(resumed?.text).toContain("*Comment:* known &lt;flake&gt;");
    expect(world.stack.service.logs()).toContainEqual(
      expect.objectContaining({ msg: "starting sentinel resume", operator: "bob", comment: "known <flake>" }),
    );
    await over();
    await paused();
    await as("carol", "Abort", { comment: "night" });
    await world.quiet();
    expect(world.slack()).toEqual(
      expect.arrayContaining([
        "Sentinel rollout cancelled in wave 1/3 by carol",
        "Sentinel rollback started by carol",
      ]),
    );
    await over();
  });

  it("is read in pages, the newest first", async () => {
    const id = await paused();
    for (let i = 0; i < 5; i++) await as(`op-${i}`, "Rollout", { image: NEW });
    await world.quiet();
    for (const only of [{ rollout_id: id }, {}]) {
      const pages: string[] = [];
      for (let place: { actions_after?: string } = {}; pages.length < 6; ) {
        const { actions: page, next_actions_after: next } = await history({ limit: 2, ...only, ...place });
        expect(page.length).toBeLessThanOrEqual(2);
        pages.push(...page.map(({ verb, operator }) => `${verb} ${operator}`));
        if (next === null) break;
        place = { actions_after: next };
      }
      const six = [
        "Rollout op-4",
        "Rollout op-3",
        "Rollout op-2",
        "Rollout op-1",
        "Rollout op-0",
        "Rollout alice",
      ];
      expect(pages).toEqual(six);
    }
    const { next_actions_after: end } = await history({ rollout_id: id, limit: 6 });
    expect(end).toBeNull();
    expect(await world.verb<Refusal>("History", { actions_after: "inv_nobody" })).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/^The field actions_after must be the id of an action/) },
    });
    await over();
  });
});

describe("in nobody's way", () => {
  it("while MySQL hangs every verb answers at once, and the rows appear afterwards, in order", {
    timeout: 120_000,
  }, async () => {
    const id = await paused();
    await world.quiet();
    const mysql = world.stack.mysql.process;
    if (mysql === undefined)
      throw new Error("this test needs a private MySQL server, not that of DATABASE_URL");
    await mysql.signal("SIGSTOP");
    for (const [verb, status] of [
      ["Pause", 409],
      ["Rollout", 409],
      ["Cancel", 200],
      ["Resume", 409],
      ["Abort", 409],
    ] as const) {
      const asked = performance.now();
      const answer = await as("alice", verb, verb === "Rollout" ? { image: NEW } : {});
      expect({ verb, status: answer.status }).toEqual({ verb, status });
      expect(performance.now() - asked, verb).toBeLessThan(1_500);
    }
    await mysql.signal("SIGCONT");
    await until("the rows", async () => (await history({ rollout_id: id })).actions.length === 6, 60_000);
    expect((await actions({ rollout_id: id })).map(({ verb, from, to }) => [verb, from, to])).toEqual([
      ["Rollout", "cancelled", "in_progress"],
      ["Pause", "paused", null],
      ["Rollout", "paused", null],
      ["Cancel", "paused", "cancelled"],
      ["Resume", "cancelled", null],
      ["Abort", "cancelled", null],
    ]);
    await over();
  });

  it("a table that is not there yet holds up neither verbs nor the history of rollouts", async () => {
    await world.change("RENAME TABLE sentinel_rollout_actions TO actions_away");
    const id = await paused();
    expect((await as("alice", "Cancel")).status).toBe(200);
    await world.change("RENAME TABLE actions_away TO sentinel_rollout_actions");
    expect((await actions({ rollout_id: id })).map(({ verb }) => verb)).toEqual(["Rollout", "Cancel"]);
    await over();
  });

  it("a service that is killed while verbs are under way loses none and doubles none", {
    timeout: 120_000,
  }, async () => {
    const id = await paused();
    await world.quiet();
    const { process } = world.stack.service;
    for (const round of [1, 2, 3]) {
      const asked = Array.from({ length: 12 }, (_, i) =>
        as(`op-${round}-${i}`, i % 3 === 0 ? "Pause" : "Rollout", i % 3 === 0 ? {} : { image: NEW }),
      );
      // Some are answered, some have just begun.
      await Promise.race(asked);
      await process.signal("SIGKILL");
      await process.start();
      for (const { status } of await Promise.all(asked)) expect(status).toBe(409);
    }
    const cancels = Array.from({ length: 4 }, (_, i) => as(`c-${i}`, "Cancel"));
    await Promise.race(cancels);
    await process.signal("SIGKILL");
    await process.start();
    const statuses = (await Promise.all(cancels)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 409, 409, 409]);

    const all = await actions({ rollout_id: id });
    const wanted = [1, 2, 3].flatMap((round) => Array.from({ length: 12 }, (_, i) => `op-${round}-${i}`));
    expect(all.map(({ operator }) => operator).toSorted()).toEqual(
      ["alice", ...wanted, "c-0", "c-1", "c-2", "c-3"].toSorted(),
    );
    expect(all.filter(({ refused }) => refused === null).map(({ verb }) => verb)).toEqual([
      "Rollout",
      "Cancel",
    ]);
    await over();
  });
});
