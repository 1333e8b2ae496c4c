import { describe, expect } from "vitest";
import { call } from "../../src/local-stack/restate-api.ts";
import type { HistoryResponse } from "../../src/restate/history-schemas.ts";
import { until } from "../support/until.ts";
import { it, NEW, type Refusal, ROLLOUT, type World } from "../support/world.ts";

const TABLES = ["sentinel_rollouts", "sentinel_rollout_outcomes"];

async function history(world: World, body: object = {}) {
  return world.verb<HistoryResponse & Refusal>("History", body);
}

describe("History", () => {
  it.override({ options: { sentinels: 4, env: { FAIL_FAST_SECONDS: "1" } } });

  it("tells what past rollouts came to, and catches up with what it missed, which delayed nothing", async ({
    world,
  }) => {
    expect((await history(world)).body).toMatchObject({
      rollouts: [],
      message: "No rollout is recorded yet.",
    });
    const away = await withoutTables(world);
    await world.fault("sen_0003", "CreateContainerConfigError", NEW);
    const request = { image: NEW, wave_percentages: [25, 75, 100] };
    const { body: paused } = await call<{ state: string; rollout_id: string }>(
      world.stack.ingress,
      `${ROLLOUT}/Rollout`,
      request,
      { headers: { "x-started-by": "  alice\t(deploy  bot) ", authorization: "Bearer canary" } },
    );
    expect(paused.state).toBe("paused");
    expect((await world.verb("Cancel")).body.state).toBe("cancelled");
    expect((await world.verb("RollbackAll")).body).toMatchObject({ state: "cancelled", reverted: 2 });
    await until("Slack to have heard of all", () => world.slack().at(-1) === "Sentinel rollback completed");
    expect(await history(world)).toMatchObject({
      status: 503,
      body: { message: expect.stringMatching(/tables do not exist yet; run the migrations/) },
    });

    await away.back();
    await world.quiet();
    const { body } = await history(world, { rollout_id: paused.rollout_id });
    expect(body.message).toBe(
      `The rollout of ${NEW} is cancelled: 2 of 4 sentinels succeeded, 1 failed, 2 reverted. All 5 outcomes are listed.`,
    );
    const time = expect.stringMatching(/^20\d\d-.*Z$/);
    expect(body.rollouts).toEqual([
      {
        rollout_id: paused.rollout_id,
        image: NEW,
        rewritten_to: null,
        state: "cancelled",
        started_by: "alice (deploy bot)",
        invocation_id: expect.stringMatching(/^inv_/),
        wave: 2,
        waves: 3,
        wave_sizes: [1, 2, 1],
        total: 4,
        succeeded: 2,
        failed: 1,
        skipped: 0,
        reverted: 2,
        pause_reason: "wave 2/3: 1 of 2 sentinels failed",
        started_at: time,
        ended_at: time,
        updated_at: time,
      },
    ]);
    const told = (body.sentinels ?? []).map((each) => `${each.sentinel_id} ${each.wave} ${each.outcome}`);
    expect(told).toEqual([
      "sen_0003 2 failed",
      "sen_0001 1 reverted",
      "sen_0002 2 reverted",
      "sen_0001 1 succeeded",
      "sen_0002 2 succeeded",
    ]);
    expect(body.sentinels?.[0]?.reason).toContain("CreateContainerConfigError");
    for (const { duration_ms } of body.sentinels ?? []) expect(duration_ms).toBeGreaterThan(0);
    expect(JSON.stringify(body)).not.toContain("canary");
    const some = await history(world, { rolloutId: paused.rollout_id, limit: 1 });
    expect(some.body.sentinels).toHaveLength(1);

    expect((await world.verb("Rollout", { image: NEW, wave_percentages: [100] })).body.state).toBe("paused");
    await world.quiet();
    const { body: both } = await history(world);
    expect(both).toMatchObject({
      rollouts: [{ state: "paused", started_by: null }, { rollout_id: paused.rollout_id }],
    });
    expect(both).not.toHaveProperty("sentinels");
    expect((await history(world, { limit: 1 })).body.rollouts).toHaveLength(1);
  });

  it("says at once that it does not know a rollout, or cannot read, and neither is in anybody's way", async ({
    world,
  }) => {
    expect(await history(world, { rollout_id: "nobody's" })).toMatchObject({
      status: 404,
      body: { message: 'There is no rollout "nobody\'s" in the history.' },
    });
    const server = world.stack.mysql.process;
    if (server === undefined)
      throw new Error("this test needs a private MySQL server, not that of DATABASE_URL");
    await server.stop();
    expect(await history(world)).toMatchObject({
      status: 503,
      body: {
        message: expect.stringMatching(
          /^The history cannot be read now: MySQL .* \([A-Z_]+\)\. Rollouts go on without it\.$/,
        ),
      },
    });
    expect((await world.status()).state).toBe("idle");
    await server.start();
    expect((await history(world)).status).toBe(200);
  });
});

/** As before the migrations, but for the `sentinels`. */
async function withoutTables(world: World): Promise<{ back(): Promise<void> }> {
  for (const table of TABLES) await world.change(`RENAME TABLE ${table} TO ${table}_away`);
  return {
    async back() {
      for (const table of TABLES) await world.change(`RENAME TABLE ${table}_away TO ${table}`);
    },
  };
}
