import { describe, expect } from "vitest";
import { type Act, Acts } from "../support/acts.ts";
import { it, NEW, type Refusal } from "../support/world.ts";

/** Without what differs from run to run; of a refusal its beginning. */
function shown({ verb, operator, comment, from, to, refused }: Act): unknown[] {
  return [verb, operator, comment, from, to, refused === null ? null : refused.slice(0, 28)];
}

describe("who did what", () => {
  it.override({ options: { sentinels: 4, env: { FAIL_FAST_SECONDS: "1" } } });

  it("is told of each verb once, whether it was taken or refused, with from, to and why", async ({
    world,
  }) => {
    const acts = new Acts(world);
    expect((await acts.as("bob", "Resume", { comment: "too early" })).status).toBe(409);
    const id = await acts.paused("alice");
    expect((await acts.as("bob", "Pause")).status).toBe(200);
    for (const [verb, body] of [
      ["Resume", { rollout_id: id, wave: 2, comment: "late" }],
      ["Rollout", { image: NEW }],
    ] as const) {
      expect((await acts.as("bob", verb, body)).status).toBe(409);
    }
    expect((await acts.as("carol", "Cancel", { comment: "  not \n tonight " }, "x-started-by")).status).toBe(
      200,
    );
    expect((await acts.as("carol", "Abort")).status).toBe(409);
    expect((await acts.as("dave", "RollbackAll", { comment: "back" })).status).toBe(200);
    // Malformed: it is no verb yet.
    expect((await acts.as("eve", "Cancel", { nonsense: 1 })).status).toBe(400);
    await world.verb("Resume");

    const all = await acts.told();
    expect(all.map(shown)).toEqual([
      ["Resume", "bob", "too early", "idle", null, "Resume is not legal while th"],
      ["Rollout", "alice", "the fix", "idle", "in_progress", null],
      ["Pause", "bob", null, "paused", "paused", null],
      ["Resume", "bob", "late", "paused", null, `You saw wave 2 of rollout ${id.slice(0, 2)}`],
      ["Rollout", "bob", null, "paused", null, "Rollout is not legal while t"],
      ["Cancel", "carol", "not tonight", "paused", "cancelled", null],
      ["Abort", "carol", null, "cancelled", null, "Abort is not legal while the"],
      ["RollbackAll", "dave", "back", "cancelled", "rolling_back", null],
      ["Resume", null, null, "cancelled", null, "Resume is not legal while th"],
    ]);
    expect(all.map(({ rollout_id }) => rollout_id)).toEqual([null, ...all.slice(1).map(() => id)]);
    for (const each of all) {
      expect(each.id).toMatch(/^inv_/);
      expect(each.at).toMatch(/^20\d\d-.*Z$/);
    }
    expect(JSON.stringify(all)).not.toContain("canary");
    expect(await acts.told({ rollout_id: id })).toEqual(all.slice(1));

    const lines = world.stack.service.logs().filter(({ msg }) => String(msg).startsWith("verb "));
    expect(lines.map(({ msg, verb, operator }) => [msg, verb, operator])).toEqual(
      all.map(({ verb, operator, refused }) => [
        refused === null ? "verb taken" : "verb refused",
        verb,
        operator ?? undefined,
      ]),
    );
  });

  it("is told in Slack, escaped, and in the log of what starts", async ({ world }) => {
    const acts = new Acts(world);
    await acts.paused("<!channel> & alice");
    await world.fault("sen_0001", "none");
    await acts.as("bob", "Resume", { comment: "known <flake>" });
    await acts.paused("carol");
    await acts.as("carol", "Abort", { comment: "night" });
    await acts.paused("dave");
    await world.verb("Cancel");
    await world.quiet();
    const headers = world.slack();
    expect(headers.filter((header) => / by |cancelled|rollback started/.test(header))).toEqual([
      "Sentinel rollout started by &lt;!channel&gt; &amp; alice",
      "Sentinel rollout resumed by bob",
      "Sentinel rollout started by carol",
      "Sentinel rollout cancelled in wave 1/3 by carol",
      "Sentinel rollback started by carol",
      "Sentinel rollout started by dave",
      "Sentinel rollout cancelled in wave 1/3",
    ]);
    const { messages } = world.stack.slack;
    expect(messages[0]?.text).toMatch(/^Sentinel rollout started by &lt;!channel&gt; &amp; alice · /);
    const resumed = messages[headers.indexOf("Sentinel rollout resumed by bob")];
    expect(resumed?.text).toContain("*Comment:* known &lt;flake&gt;");
    expect(world.stack.service.logs()).toContainEqual(
      expect.objectContaining({ msg: "starting sentinel resume", operator: "bob", comment: "known <flake>" }),
    );
  });

  it("is read in pages, the newest first", async ({ world }) => {
    const acts = new Acts(world);
    const id = await acts.paused("alice");
    for (let i = 0; i < 5; i++) await acts.as(`op-${i}`, "Rollout", { image: NEW });
    await world.quiet();
    for (const only of [{ rollout_id: id }, {}]) {
      const pages: string[] = [];
      for (let place: { actions_after?: string } = {}; ; ) {
        const { actions, next_actions_after: next } = await acts.history({ limit: 4, ...only, ...place });
        pages.push(actions.map(({ verb, operator }) => `${verb} ${operator}`).join());
        if (next === null) break;
        place = { actions_after: next };
      }
      expect(pages).toEqual([
        "Rollout op-4,Rollout op-3,Rollout op-2,Rollout op-1",
        "Rollout op-0,Rollout alice",
      ]);
    }
    expect((await acts.history({ rollout_id: id, limit: 6 })).next_actions_after).toBeNull();
    expect(await world.verb<Refusal>("History", { actions_after: "inv_nobody" })).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/^The field actions_after must be the id of an action/) },
    });
  });
});
