import { describe, expect } from "vitest";
import type { EmbeddedKubernetes } from "../../src/embedded-kubernetes/index.ts";
import { StatusResponse } from "../../src/restate/rollout-schemas.ts";
import { until } from "../support/until.ts";
import { it, NEW, type World } from "../support/world.ts";

const DETAIL = ["slowest", "by_region", "failures_by_reason", "detail_message"];

const env = { KUBE_CONTEXTS: "north=cold,south=warm", FAIL_FAST_SECONDS: "4", DEPLOY_TIMEOUT_SECONDS: "120" };

async function detail(world: World): Promise<StatusResponse & { tookMs: number }> {
  const fromMs = performance.now();
  const { status, body } = await world.verb<StatusResponse>("Status", { detail: true });
  expect(status).toBe(200);
  expect(StatusResponse.strict().parse(body)).toEqual(body);
  return { ...body, tookMs: performance.now() - fromMs };
}

/** How the regions add up, in the rollout's own words. */
function sums({ by_region }: StatusResponse) {
  const sum = { waiting: 0, in_flight: 0, succeeded: 0, failed: 0 };
  for (const region of by_region ?? [])
    for (const what of ["waiting", "in_flight", "succeeded", "failed"] as const) sum[what] += region[what];
  return sum;
}

describe("Status in detail", () => {
  it.override({ options: { sentinels: 12, env } });

  it("tells whom a rollout waits for, how far each region is, and why sentinels fail", async ({ world }) => {
    await world.fault("sen_0001", "ImagePullBackOff");
    await world.fault("sen_0002", "ImagePullBackOff");
    await world.fault("sen_0003", "slow:8");
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0004'");
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await world.untilState("two are done", ({ told }) => told.succeeded === 2 && told.failed === 1);

    // What the pods say is seen as soon as their cluster tells.
    const running = await until("the pods to say what keeps them", async () => {
      const now = await detail(world);
      return now.slowest?.filter(({ pods }) => pods.startsWith("ImagePullBackOff")).length === 2 && now;
    });
    expect(running.slowest?.map(({ sentinel_id }) => sentinel_id).sort()).toEqual([
      "sen_0001",
      "sen_0002",
      "sen_0003",
    ]);
    const times = running.slowest?.map(({ since }) => since) ?? [];
    expect(times).toEqual(times.toSorted());
    const slow = running.slowest?.find(({ sentinel_id }) => sentinel_id === "sen_0003");
    expect(slow).toMatchObject({
      region: world.stack.fleet.find(({ id }) => id === "sen_0003")?.regionId,
      lacks: expect.stringMatching(/^\d .*replicas? to (be available|be updated|terminate)$/),
      pods: "",
      news_age_seconds: expect.any(Number),
    });
    expect(Date.parse(slow?.deadline ?? "") - Date.parse(slow?.since ?? "")).toBe(120_000);
    expect(slow?.news_age_seconds).toBeLessThanOrEqual(10);
    expect(running.by_region?.map(({ region }) => region)).toEqual(["north", "south"]);
    expect(sums(running)).toEqual({ waiting: 6, in_flight: 3, succeeded: 2, failed: 1 });
    expect(running.failures_by_reason).toEqual([
      { reason: "Deployment gone not found in namespace sentinel", count: 1, examples: ["sen_0004"] },
    ]);
    expect(running.detail_message).toMatch(/^The rows are as of \S+Z\.$/);

    expect((await world.answer(rollout)).body).toMatchObject({ state: "paused", succeeded: 3, failed: 3 });
    const paused = await detail(world);
    const { waiting, in_flight, succeeded, failed } = paused;
    expect(sums(paused)).toEqual({ waiting, in_flight, succeeded, failed });
    expect(paused.slowest).toEqual([]);
    expect(paused.failures_by_reason).toEqual([
      { reason: expect.stringMatching(/^ImagePullBackOff/), count: 2, examples: ["sen_0001", "sen_0002"] },
      { reason: "Deployment gone not found in namespace sentinel", count: 1, examples: ["sen_0004"] },
    ]);
    expect((await world.verb("RollbackAll")).body).toMatchObject({ reverted: 3 });
    const reverted = await detail(world);
    expect(sums(reverted)).toEqual({ waiting: 6, in_flight: 0, succeeded: 3, failed: 3 });
    // Whoever does not ask is not told.
    for (const body of [{}, { detail: false }]) {
      const { body: plain } = await world.verb<StatusResponse>("Status", body);
      expect(Object.keys(plain).filter((name) => DETAIL.includes(name))).toEqual([]);
    }
  });

  it("says which cluster does not answer, and how old the news is", async ({ world }) => {
    const cold = world.stack.embeddedByContext.get("cold") as EmbeddedKubernetes;
    const [north = ""] = world.stack.fleet.flatMap(({ id, regionId }) => (regionId === "north" ? [id] : []));
    await world.fault(north, "slow:60");
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
    await world.untilState("all others are done", ({ told }) => told.succeeded === 11);
    cold.faults.inject({ kind: "reset" }, { times: Infinity });
    cold.faults.dropWatches();
    const away = await until("the cluster to be known as away", async () => {
      const now = await detail(world);
      return now.slowest?.[0]?.lacks.includes("cold does not answer") && now;
    });
    expect(away.slowest).toHaveLength(1);
    expect(away.slowest?.[0]).toMatchObject({
      sentinel_id: north,
      lacks: expect.stringMatching(/ replicas? to .*; the cluster cold does not answer, so this may be old$/),
    });
    expect(away.slowest?.[0]?.news_age_seconds).toBeGreaterThanOrEqual(5);
    await world.verb("Cancel");
    await world.end(rollout, "kill");
  });

  it("while MySQL hangs, or is gone, says so in a sentence and answers within 2 s", async ({ world }) => {
    await world.fault("sen_0001", "ImagePullBackOff");
    const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
    expect(body).toMatchObject({ state: "paused", failed: 1 });
    const process = world.stack.mysql.process;
    await process?.signal("SIGSTOP");
    const hanging = await detail(world);
    expect(hanging).toMatchObject({ state: "paused", failed: 1, slowest: null, by_region: null });
    // The rollout remembers the newest of its failures itself.
    expect(hanging.failures_by_reason).toMatchObject([{ count: 1, examples: ["sen_0001"] }]);
    expect(hanging.detail_message).toBe(
      "The detail cannot be told now: MySQL does not answer within 1400 ms.",
    );
    expect(hanging.tookMs).toBeLessThan(2_000);
    await process?.signal("SIGCONT");
    await until("the detail is back", async () => (await detail(world)).by_region?.length === 2);
    await process?.signal("SIGKILL");
    const gone = await until("MySQL is gone", async () => {
      const now = await detail(world);
      return now.by_region === null && now;
    });
    expect(gone.tookMs).toBeLessThan(2_000);
    expect(gone.detail_message).toMatch(/^The detail cannot be told now: MySQL does not answer [^.]+\.$/);
  });

  it("before the first rollout is empty", async ({ world }) => {
    expect(await detail(world)).toMatchObject({
      ...{ slowest: [], by_region: [], failures_by_reason: [] },
      detail_message: "There is no rollout.",
    });
  });
});
