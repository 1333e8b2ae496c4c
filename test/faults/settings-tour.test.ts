import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { Arena } from "./harness/arena.ts";

/**
 * Everything that steers handlers and that an operator may change between two starts of the service, at two extremes. There is
 * one cluster here, with one namespace and one container: `KUBE_CONTEXTS`, `KUBE_NAMESPACE` and `KUBE_CONTAINER` have no other
 * value under which the fleet is there.
 */
const FEW = {
  MAX_IN_FLIGHT: "2",
  FAIL_FAST_SECONDS: "0",
  DEPLOY_TIMEOUT_SECONDS: "90",
  UNSCHEDULABLE_SECONDS: "0",
  REGRESSION_SECONDS: "6",
  REQUIRE_ROLLOUT_ID: "false",
  LOG_LEVEL: "debug",
};
const MANY = {
  MAX_IN_FLIGHT: "40",
  FAIL_FAST_SECONDS: "60",
  DEPLOY_TIMEOUT_SECONDS: "45",
  UNSCHEDULABLE_SECONDS: "30",
  REGRESSION_SECONDS: "9",
  REQUIRE_ROLLOUT_ID: "true",
  LOG_LEVEL: "info",
};
/** No webhook and no admin API at the other replica: what is configured there steers handlers, too. */
const ELSEWHERE = { ...MANY, SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL: "", RESTATE_TOKEN: "" };
/** Between two cuts (ms): long enough for some steps. */
const CUT_EVERY_MS = 400;

let arena: Arena;
beforeAll(async () => {
  arena = await Arena.open({
    sentinels: 12,
    env: FEW,
    // Every wait suspends, so that also what waits is replayed again and again.
    restate: { inactivityTimeout: "0s" },
  });
  const replica = await arena.world.stack.startReplica(ELSEWHERE);
  arena.relay.targets.push(Number(new URL(replica.endpoint).port));
  for (const id of arena.world.stack.fleet.slice(0, 4).map((each) => each.id)) {
    await arena.world.fault(id, "slow:1.5");
  }
});
afterAll(() => arena.close());

/** Has each attempt of each handler run at the other replica, which has other settings, until `over` settles. */
async function tour<T>(over: Promise<T>): Promise<T> {
  let isOver = false;
  const done = over.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await Promise.race([delay(CUT_EVERY_MS), done.catch(() => undefined)]);
    arena.relay.cut();
  }
  return done;
}

/** At one of the replicas a verb has to name its rollout. */
async function named(body: object = {}): Promise<object> {
  const { rollout_id } = await arena.world.status();
  return { ...body, rollout_id };
}

/** What Status tells before is of the rollout before. */
async function succeeded(count: number, image: string): Promise<void> {
  await until(`${count} to have taken ${image}`, async () => {
    const status = await arena.world.status();
    return status.image === image && status.succeeded >= count;
  });
}

/** A journal that another course of the handler does not fit is never got over. */
async function nothingIsWedged(): Promise<void> {
  const wedged = await arena.world.sql<{ target: string; last_failure: string }>(
    "SELECT target, last_failure FROM sys_invocation WHERE last_failure LIKE '%570%' OR last_failure LIKE '%ournal mismatch%'",
  );
  expect(wedged).toEqual([]);
}

describe("every attempt of every handler runs under other settings", () => {
  it("a rollout completes", async () => {
    const { answer } = await arena.start("Rollout", {
      image: "x/sentinel:v1",
      wave_percentages: [10, 60, 100],
    });
    expect(await tour(answer)).toMatchObject({ status: 200, body: { state: "completed", succeeded: 12 } });
    await nothingIsWedged();
  });

  it("a rollout is cancelled and rolled back", async () => {
    // The last ones are in flight for long enough, so that the Cancel meets them, however slow the machine is.
    for (const { id } of arena.world.stack.fleet.slice(-4)) {
      await arena.world.fault(id, "slow:10", "x/sentinel:v2");
    }
    const { answer } = await arena.start("Rollout", { image: "x/sentinel:v2", wave_percentages: [100] });
    const cancelled = (async () => {
      await succeeded(3, "x/sentinel:v2");
      expect((await arena.verb("Cancel", await named())).status).toBe(200);
      return answer;
    })();
    expect(await tour(cancelled)).toMatchObject({ status: 200, body: { state: "cancelled" } });
    const { answer: back } = await arena.start("RollbackAll", await named());
    const { body } = await tour(back);
    expect(body).toMatchObject({ state: "cancelled" });
    expect(body.reverted).toBe(body.total);
    await nothingIsWedged();
    await arena.world.quiet();
    expect(await arena.world.on("x/sentinel:v2")).toEqual([]);
  });

  it("a rollout with limits of its own is paused, resumed, stopped by its budget, retried and aborted", async () => {
    const { world } = arena;
    const image = "x/sentinel:v3";
    for (const { id } of world.stack.fleet.slice(0, 4)) await world.fault(id, "slow:2", image);
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0008'");
    const limits = { max_in_flight: 2, ramp: true, max_failures: 0 };
    const { answer } = await arena.start("Rollout", { image, wave_percentages: [50, 100], ...limits });
    const paused = (async () => {
      await succeeded(1, image);
      expect((await arena.verb("Pause", await named())).status).toBe(200);
      return answer;
    })();
    expect(await tour(paused)).toMatchObject({
      body: { state: "paused", pause_kind: "operator", failed: 0 },
    });
    const { answer: resumed } = await arena.start("Resume", await named());
    expect(await tour(resumed)).toMatchObject({ body: { state: "paused", pause_kind: "budget", failed: 1 } });
    // It fails again, and none may.
    const { answer: retried } = await arena.start("RetryFailed", await named());
    expect(await tour(retried)).toMatchObject({
      body: { state: "paused", pause_kind: "budget", failed: 1 },
    });
    const { answer: aborted } = await arena.start("Abort", await named({ include_failed: true }));
    const { body } = await tour(aborted);
    // The one that failed has no Deployment that could return.
    expect(body).toMatchObject({ state: "cancelled", reverted: Number(body.total) - 1 });
    await nothingIsWedged();
    await world.quiet();
    expect(await world.on(image)).toEqual([]);
    await world.change("UPDATE sentinels SET k8s_name = 'sentinel-0008' WHERE id = 'sen_0008'");
  });

  it("a rollout soaks, is paused for who broke in it, and completed", async () => {
    const image = "x/sentinel:v4";
    await arena.breaksLater("sen_0005", 10, image);
    const asked = { image, wave_percentages: [50, 100], soak_seconds: [20, 2] };
    const { answer } = await arena.start("Rollout", asked);
    expect(await tour(answer)).toMatchObject({
      body: {
        state: "paused",
        pause_kind: "regression",
        wave: 1,
        regressions: [{ sentinel_id: "sen_0005" }],
      },
    });
    const { answer: resumed } = await arena.start("Resume", await named());
    // It crashes for good: nobody takes it for recovered between two crashes, after which it would pause this once more.
    expect(await tour(resumed)).toMatchObject({ body: { state: "completed" } });
    await nothingIsWedged();
  });
});
