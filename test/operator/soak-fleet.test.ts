import { setTimeout as delay } from "node:timers/promises";
import { describe, expect } from "vitest";
import { scrape } from "../support/exposition.ts";
import { until } from "../support/until.ts";
import { ids, NEW, it as onStack, type World } from "../support/world.ts";
import { statusOf } from "./outside.ts";

const soaking = (world: World) =>
  until("it to soak", async () => (await statusOf(world)).phase === "soaking");
const pausesTold = (world: World) =>
  world.stack.slack.messages.filter(({ text }) => text.startsWith("Sentinel rollout paused"));

describe("a soak of two regions", () => {
  const it = onStack.extend({
    options: [
      { sentinels: 12, env: { KUBE_CONTEXTS: "north=cold,south=warm", REGRESSION_SECONDS: "2" } },
      { injected: true },
    ],
  });

  it("of which one goes away blames the cluster, and no sentinel", async ({ world }) => {
    const cold = world.stack.embeddedByContext.get("cold");
    const body = { image: NEW, wave_percentages: [50, 100], soak_seconds: [10, 0] };
    const rollout = world.verb("Rollout", body);
    await soaking(world);
    cold?.faults.inject({ kind: "reset" }, { times: Infinity });
    cold?.faults.dropWatches();
    const { health } = await until("Status to name the cluster", async () => {
      const status = await statusOf(world);
      return status.health?.unseen.includes("cold") ? status : undefined;
    });
    expect(health?.updated.unhealthy).toBe(0);
    const wave = await until("the soak to end", async () => {
      const status = await statusOf(world);
      return status.phase === "soaking" ? undefined : status;
    });
    expect(wave).toMatchObject({ state: "in_progress", wave: 2, regressed: 0 });
    cold?.faults.clear();
    expect((await rollout).body).toMatchObject({ state: "completed", succeeded: 12, regressed: 0 });
  });
});

describe("a soak with two replicas of the service", () => {
  const it = onStack.extend({
    options: [{ sentinels: 40, env: { REGRESSION_SECONDS: "2" } }, { injected: true }],
  });

  it("tells those that break at once in one pause, once, whoever dies meanwhile", async ({ world }) => {
    const { stack } = world;
    const other = await stack.startReplica();
    for (const id of ids(1, 10)) await world.fault(id, "crash-after:4", NEW);
    const body = { image: NEW, wave_percentages: [50, 100], soak_seconds: [30, 0] };
    const rollout = world.verb("Rollout", body);
    await soaking(world);
    await stack.service.process.signal("SIGKILL");
    await stack.service.process.start();
    const { body: paused } = await rollout;
    expect(paused).toMatchObject({ state: "paused", pause_kind: "regression", wave: 1, succeeded: 20 });
    await until("all of them to be told", async () => (await statusOf(world)).regressed === 10);
    await until("Slack to hear of it", () => pausesTold(world).length > 0);
    expect(pausesTold(world)).toHaveLength(1);
    await other.process.stop();
  });
});

describe("a soak of a large fleet", () => {
  const TOTAL = 400;
  const BROKEN = ids(301, 350);
  const WINDOW_MS = 6_000;
  const it = onStack.extend({ options: [{ sentinels: TOTAL }, { injected: true }] });

  it("costs nothing for those that are well, and tells of 50 that break at once in one pause", async ({
    world,
  }) => {
    for (const id of BROKEN) await world.fault(id, "crash-after:12", NEW);
    const rollout = world.verb("Rollout", {
      image: NEW,
      wave_percentages: [99, 100],
      soak_seconds: [600, 0],
    });
    await soaking(world);
    const before = await cost(world);
    await delay(WINDOW_MS);
    const after = await cost(world);
    expect(after.requests - before.requests).toBe(0);
    // The re-check of all rows, which is there without a soak, too.
    expect(after.statements - before.statements).toBeLessThanOrEqual(4);
    const { body } = await rollout;
    expect(body).toMatchObject({ state: "paused", pause_kind: "regression", succeeded: 396, waiting: 4 });
    await until("all of them to be told", async () => (await statusOf(world)).regressed === BROKEN.length);
    await until("Slack to hear of it", () => pausesTold(world).length > 0);
    expect(pausesTold(world)).toHaveLength(1);
  });
});

/** What was asked of Kubernetes, but for the watches, and of MySQL. */
async function cost({ stack }: World): Promise<{ requests: number; statements: number }> {
  const { value } = await scrape(stack.service.health);
  return {
    requests: [...(stack.embedded?.requests ?? [])].reduce(
      (n, [verb, count]) => (/watch/i.test(verb) ? n : n + count),
      0,
    ),
    statements: value("sentinel_rollout_mysql_statement_duration_seconds_count") ?? 0,
  };
}
