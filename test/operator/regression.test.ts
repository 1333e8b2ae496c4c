import { describe, expect } from "vitest";
import type { ApiRequest } from "../../src/embedded-kubernetes/index.ts";
import { until } from "../support/until.ts";
import { ids, NEW, it as onStack, type World } from "../support/world.ts";
import { Launched, statusOf } from "./outside.ts";

const TOTAL = 20;
const DEBOUNCE_SECONDS = 3;
/** Waves of 4, 6 and 10. */
const WAVES = [20, 50, 100];
const SOAKED = { image: NEW, wave_percentages: WAVES, soak_seconds: [4, 4, 0] };

const it = onStack.extend({
  options: [{ sentinels: TOTAL, env: { REGRESSION_SECONDS: String(DEBOUNCE_SECONDS) } }, { injected: true }],
});

describe("a sentinel that breaks after it came up", () => {
  it("pauses the rollout in the soak; Resume acknowledges it, and finishes the soak", async ({ world }) => {
    await world.fault("sen_0002", "crash-after:1", NEW);
    const launched = await Launched.since(world);
    const { body } = await launched.during(world.verb("Rollout", SOAKED));
    expect(body).toMatchObject({
      state: "paused",
      pause_kind: "regression",
      wave: 1,
      succeeded: 4,
      failed: 0,
    });
    expect(body).toMatchObject({ regressed: 1, never_attempted: 0, waiting: 16, in_flight: 0 });
    expect(body.regressions).toEqual([
      {
        sentinel_id: "sen_0002",
        since: expect.any(String),
        reason: expect.stringContaining("CrashLoopBackOff"),
        recovered: false,
      },
    ]);
    expect(body.message).toContain(
      "updated: 1 of 4 unhealthy; not yet updated: 0 of 16 unhealthy: probably the image",
    );
    expect(launched.calls.size).toBe(4);
    const status = await statusOf(world);
    expect(status.health).toMatchObject({
      updated: { total: 4, unhealthy: 1 },
      not_updated: { total: 16, unhealthy: 0 },
    });
    const { soak_seconds_left: left } = status;
    expect(left).toBeGreaterThanOrEqual(0);
    const { body: resumed } = await world.verb("Resume");
    expect(resumed).toMatchObject({ state: "completed", succeeded: TOTAL, regressed: 1 });
    expect(pausesTold(world)).toBe(1);
  });

  it("pauses it in mid-wave under the fence of a budget, and stays among those that RollbackAll reverts", async ({
    world,
  }) => {
    for (const id of ids(5, 20)) await world.fault(id, "slow:3", NEW);
    await world.fault("sen_0001", "crash-after:3", NEW);
    const launched = await Launched.since(world);
    const body = { image: NEW, wave_percentages: [20, 100], soak_seconds: [1, 1], max_in_flight: 2 };
    const { body: ended } = await launched.during(world.verb("Rollout", body));
    expect(ended).toMatchObject({ state: "paused", pause_kind: "regression", wave: 2 });
    expect(launched.calls.size).toBeLessThan(TOTAL);
    expect(ended.never_attempted).toBe(TOTAL - launched.calls.size);
    const { body: back } = await world.verb<{ reverted: number }>("RollbackAll");
    expect(back).toMatchObject({ reverted: launched.calls.size, total: launched.calls.size });
    expect(await world.on(NEW)).toEqual([]);
  });

  it("within max_regressions is told, and pauses nothing; one more pauses", async ({ world }) => {
    await world.fault("sen_0001", "crash-after:1", NEW);
    const { body } = await world.verb("Rollout", { ...SOAKED, max_regressions: "30%" });
    expect(body).toMatchObject({ state: "completed", succeeded: TOTAL, regressed: 1 });
    await until("Slack to name it", () =>
      world.stack.slack.messages.some(
        ({ text }) => text.includes("1 regressed so far") && text.includes("sen_0001"),
      ),
    );
  });

  it("is found at the end of the soak, whatever does not answer just then", async ({ world }) => {
    await world.fault("sen_0001", "crash-after:8", NEW);
    const rollout = world.verb("Rollout", { ...SOAKED, soak_seconds: [16, 0, 0] });
    const { soak_until } = await until("it to soak", async () => {
      const status = await statusOf(world);
      return status.phase === "soaking" ? status : undefined;
    });
    // It can be read by nobody from before it breaks until after the soak.
    const faults = world.stack.embedded?.faults;
    const only = ({ verb }: ApiRequest) => verb === "get" || verb === "list";
    faults?.inject({ kind: "status", code: 503 }, { times: Infinity, only });
    await until("the soak to be over", () => Date.now() > Date.parse(soak_until ?? "") + 3_000);
    expect(await statusOf(world)).toMatchObject({ wave: 1, phase: "soaking", in_flight: 0 });
    faults?.clear();
    expect((await rollout).body).toMatchObject({ state: "paused", pause_kind: "regression", wave: 1 });
  });

  it("may recover, and break again after a Resume, whoever watches by then", async ({ world }) => {
    await world.fault("sen_0002", "crash-after:1", NEW);
    const { body } = await world.verb("Rollout", { ...SOAKED, soak_seconds: [40, 0, 0] });
    expect(body).toMatchObject({ state: "paused", pause_kind: "regression" });
    const [watcher] = await world.sql<{ id: string }>(
      "SELECT id FROM sys_invocation WHERE target LIKE '%/WatchHealth' AND status <> 'completed'",
    );
    await world.end(watcher?.id ?? "", "kill");
    const resumed = world.verb("Resume");
    await world.fault("sen_0002", "crash-after:12", NEW);
    await world.patchTemplate("sen_0002");
    await until(
      "it to have recovered",
      async () => (await statusOf(world)).regressions[0]?.recovered === true,
    );
    expect((await resumed).body).toMatchObject({ state: "paused", pause_kind: "regression", wave: 1 });
    expect(pausesTold(world)).toBe(2);
  });

  it("has it rolled back by itself, where that was asked for", async ({ world }) => {
    await world.fault("sen_0003", "crash-after:1", NEW);
    await world.verb("Rollout", { ...SOAKED, on_failure: "rollback" });
    await until("it to be rolled back", async () => (await statusOf(world)).state === "cancelled");
    expect(await statusOf(world)).toMatchObject({ state: "cancelled", reverted: 4, succeeded: 4 });
    expect(await world.on(NEW)).toEqual([]);
    await world.quiet();
    const headers = world.stack.slack.messages.map(({ text }) => text.split(" · ")[0]);
    expect(headers.slice(-3)).toEqual([
      expect.stringContaining("paused in wave 1/3"),
      "Sentinel rollback started by on_failure",
      "Sentinel rollback completed",
    ]);
  });

  it("that others scaled, paused, or moved is none; nor one that only flickers", async ({ world }) => {
    await world.fault("sen_0004", "flap-after:1", NEW);
    const rollout = world.verb("Rollout", { ...SOAKED, soak_seconds: [8, 0, 0] });
    await until("it to soak", async () => (await statusOf(world)).phase === "soaking");
    await world.setImage("sen_0003", "ghcr.io/unkeyed/sentinel:hotfix");
    expect((await rollout).body).toMatchObject({ state: "completed", regressed: 0 });
  });
});

function pausesTold(world: World): number {
  return world.stack.slack.messages.filter(({ text }) => text.startsWith("Sentinel rollout paused")).length;
}
