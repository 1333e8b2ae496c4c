import { describe, expect } from "vitest";
import type { HistoryResponse } from "../../src/restate/history-schemas.ts";
import { ids, it, type Refusal, type World } from "../support/world.ts";

type Page = HistoryResponse & Refusal;

const FLEET = ids(1, 30);

async function history(world: World, body: object): Promise<{ status: number; body: Page }> {
  return world.verb<Page>("History", body);
}

/** All of it, page by page. */
async function allPages(world: World, request: object): Promise<Page[]> {
  const pages: Page[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const { body } = await history(world, { ...request, ...(after === undefined ? {} : { after }) });
    pages.push(body);
    after = body.next_after;
  }
  return pages;
}

async function rollOut(world: World, image: string): Promise<string> {
  const { body } = await world.verb("Rollout", {
    image: `ghcr.io/unkeyed/sentinel:${image}`,
    wave_percentages: [100],
  });
  return body.rollout_id;
}

describe("History in pages", () => {
  it.override({ options: { sentinels: FLEET.length } });

  it("says how many there are, and goes on after the last one, rollouts and outcomes alike", async ({
    world,
  }) => {
    expect((await history(world, {})).body).toEqual({
      rollouts: [],
      actions: [],
      total: 0,
      next_after: null,
      next_actions_after: null,
      message: "No rollout is recorded yet.",
    });
    const first = await rollOut(world, "p1");
    await world.quiet();
    expect((await history(world, {})).body).toMatchObject({
      total: 1,
      next_after: null,
      message: "The only rollout so far.",
    });
    const order = [first];
    for (const image of ["p2", "p3"]) order.unshift(await rollOut(world, image));
    await world.quiet();

    expect((await history(world, {})).body.message).toBe("All 3 rollouts, the newest first.");
    const rollouts = await allPages(world, { limit: 2 });
    expect(rollouts.map((page) => page.rollouts.map(({ rollout_id }) => rollout_id))).toEqual([
      order.slice(0, 2),
      order.slice(2),
    ]);
    expect(rollouts.map(({ total, next_after, message }) => ({ total, next_after, message }))).toEqual([
      {
        total: 3,
        next_after: order[1],
        message: `2 of 3 rollouts, the newest first; the next ones with "after": "${order[1]}".`,
      },
      { total: 3, next_after: null, message: `1 of 3 rollouts, the newest first, after ${order[1]}.` },
    ]);

    const one = await history(world, { rollout_id: first });
    expect(one.body).toMatchObject({ total: 30, next_after: "succeeded/sen_0020" });
    expect(one.body.sentinels).toHaveLength(20);
    expect(one.body.message).toBe(
      'The rollout of ghcr.io/unkeyed/sentinel:p1 is completed: 30 of 30 sentinels succeeded. 20 of 30 outcomes are listed; the next ones with "after": "succeeded/sen_0020".',
    );
    const outcomes = await allPages(world, { rollout_id: first, limit: 7 });
    expect(outcomes.map(({ sentinels = [] }) => sentinels.length)).toEqual([7, 7, 7, 7, 2]);
    expect(outcomes.flatMap(({ sentinels = [] }) => sentinels.map((each) => each.sentinel_id))).toEqual(
      FLEET,
    );
    const whole = await history(world, { rollout_id: first, limit: 1_000 });
    expect(whole.body.sentinels).toHaveLength(30);
    expect(whole.body.message).toMatch(/succeeded\. All 30 outcomes are listed\.$/);
  });

  const refused: [body: object, message: string][] = [
    [{ limit: 1_001 }, "The field limit must be a whole number from 1 to 1000, got 1001."],
    [{ limit: 0 }, "The field limit must be a whole number from 1 to 1000, got 0."],
    [{ after: "" }, 'The field after must not be empty, got "".'],
    [{ after: 3 }, "The field after must be a string, got 3."],
    [
      { after: "nobody's" },
      'The field after must be the id of a rollout in the history, as next_after gives it, got "nobody\'s".',
    ],
    [
      { rollout_id: "r1", after: "sen_0001" },
      'The field after must be an outcome and a sentinel, as next_after gives them, such as failed/sen_0017, got "sen_0001".',
    ],
  ];

  it("refuses what it cannot go by in one sentence", async ({ world }) => {
    for (const [body, message] of refused) {
      expect(await history(world, body)).toMatchObject({ status: 400, body: { code: 400, message } });
    }
  });
});
