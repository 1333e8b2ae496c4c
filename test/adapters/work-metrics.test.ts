import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createWorkMetrics, type WorkMetrics } from "../../src/metrics/work.ts";
import { parseExposition } from "../support/exposition.ts";

const START = Date.parse("2026-01-31T02:15:00Z");
const READY = "sentinel_rollout_converged_to_ready_seconds";
let registry: Registry;
let work: WorkMetrics;

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  registry = new Registry();
  work = createWorkMetrics(registry);
});
afterEach(() => vi.useRealTimers());

const at = (seconds: number) => vi.setSystemTime(START + seconds * 1_000);
const ready = (startedMs: number, seenMs: number) =>
  work.deploySettled({ sentinelId: "sen_1", status: "ready", startedMs, seenMs });
const read = async () => parseExposition(await registry.metrics());

describe("the time from converged to ready", () => {
  it("begins when the watch first showed it, however often it is shown", async () => {
    at(10);
    work.converged("sen_1", 2);
    at(40);
    work.converged("sen_1", 2);
    ready(START, Date.now());
    const { value } = await read();
    expect(value(`${READY}_sum`)).toBe(30);
    expect(value("sentinel_rollout_deploy_duration_seconds_sum", { result: "ready" })).toBe(40);
  });

  it("begins with the Deploy's own look where the watch has not shown it, or showed an update before", async () => {
    at(10);
    ready(START, START + 9_000);
    work.converged("sen_1", 2);
    at(30);
    ready(START + 20_000, START + 28_000);
    expect((await read()).value(`${READY}_sum`)).toBe(3);
  });

  it("is new for every update", async () => {
    work.converged("sen_1", 2);
    at(100);
    work.converged("sen_1", 3);
    at(101);
    ready(START + 50_000, Date.now());
    expect((await read()).value(`${READY}_sum`)).toBe(1);
  });

  it("is not that of a sentinel that failed, or had nothing to do; a clock that is behind counts as 0", async () => {
    work.deploySettled({ sentinelId: "sen_1", status: "failed", startedMs: START + 5_000 });
    work.deploySettled({ sentinelId: "sen_2", status: "ready", startedMs: START });
    work.deploySettled({ sentinelId: "sen_3", status: "skipped", startedMs: START });
    const { value } = await read();
    expect(value(`${READY}_count`)).toBe(0);
    expect(value("sentinel_rollout_deploy_duration_seconds_sum")).toBe(0);
    for (const [result, count] of [
      ["ready", 0],
      ["unchanged", 1],
      ["failed", 1],
      ["skipped", 1],
    ] as const) {
      expect(value("sentinel_rollout_deploy_duration_seconds_count", { result }), result).toBe(count);
    }
  });
});

it("of a statement nothing but its kind is kept", async () => {
  work.mysqlStatement("  SELECT `image` from `sentinels` where `id` = 's3cret'", 0.002, true);
  work.mysqlStatement("GET_LOCK('x')", 0.002, false);
  const { samples, text } = await read();
  const counts = samples.filter(({ name }) => name.endsWith("statement_duration_seconds_count"));
  expect(counts.map(({ labels }) => labels)).toEqual([
    { statement: "select", result: "ok" },
    { statement: "other", result: "error" },
  ]);
  expect(text).not.toContain("s3cret");
});
