import { Writable } from "node:stream";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clusterChecks } from "../../src/endpoint/health.ts";
import { type ClusterHealth, createHealth, type HealthTracker } from "../../src/kubernetes/health.ts";
import { registerClusterMetrics } from "../../src/kubernetes/metrics.ts";

const START = Date.parse("2026-01-31T02:15:00Z");
let lines: { msg: string; cluster: string; reason?: string; seconds?: number }[];
let health: HealthTracker;

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  lines = [];
  const out = new Writable({
    write(line, _, done) {
      lines.push(JSON.parse(String(line)));
      done();
    },
  });
  health = createHealth("eu-west", pino(out));
});
afterEach(() => vi.useRealTimers());

const fail = (reason = "ECONNREFUSED", sentMs = Date.now()) => health.failed(reason, sentMs);

describe("a cluster", () => {
  it("is reachable until something else is known, and when a request fails now and then", () => {
    expect(health.current).toEqual({ cluster: "eu-west", reachable: true });
    for (let i = 0; i < 10; i++) {
      fail();
      vi.advanceTimersByTime(4_000);
      health.answered();
      vi.advanceTimersByTime(4_000);
    }
    expect(health.current).toEqual({ cluster: "eu-west", reachable: true });
    expect(lines).toEqual([]);
  });

  it("is unreachable once nothing was heard of it for five seconds, since when it was asked in vain", () => {
    health.answered();
    vi.advanceTimersByTime(60_000);
    for (let i = 0; i < 10; i++) {
      fail(`try ${i}`);
      vi.advanceTimersByTime(1_000);
    }
    expect(health.current).toEqual({
      cluster: "eu-west",
      reachable: false,
      sinceMs: START + 60_000,
      reason: "try 5",
    });
  });

  it("that hangs was silent for as long as its requests waited, but not before it last answered", () => {
    const sentMs = Date.now();
    vi.advanceTimersByTime(4_000);
    health.answered();
    vi.advanceTimersByTime(6_000);
    fail("no answer in time", sentMs);
    expect(health.current.reachable).toBe(true);
    fail("no answer in time", sentMs);
    expect(health.current).toMatchObject({ reachable: false, sinceMs: START + 4_000 });
  });

  it("is logged once when it is lost and once when it is back", () => {
    for (let i = 0; i < 20; i++) {
      fail();
      vi.advanceTimersByTime(1_000);
    }
    health.answered();
    health.answered();
    expect(health.current).toEqual({ cluster: "eu-west", reachable: true });
    expect(lines).toMatchObject([
      { msg: "kubernetes cluster is unreachable", cluster: "eu-west", reason: "ECONNREFUSED" },
      { msg: "kubernetes cluster is reachable again", cluster: "eu-west", seconds: 20 },
    ]);
  });
});

describe("clusters", () => {
  const up: ClusterHealth = { cluster: "east", reachable: true };
  const away: ClusterHealth = { cluster: "west", reachable: false, sinceMs: START, reason: "ECONNREFUSED" };

  it("are in the metrics, each as 1 or 0", async () => {
    vi.useRealTimers();
    const registry = new Registry();
    registerClusterMetrics(registry, { health: () => [up, away] });
    const text = await registry.metrics();
    expect(text).toContain('sentinel_rollout_kubernetes_cluster_up{cluster="east"} 1');
    expect(text).toContain('sentinel_rollout_kubernetes_cluster_up{cluster="west"} 0');
  });

  const cases: [what: string, synced: [boolean, boolean], clusters: ClusterHealth[], ok: boolean[]][] = [
    ["all in sync", [true, true], [up, { cluster: "west", reachable: true }], [true, true]],
    ["one not yet in sync", [true, false], [up, { cluster: "west", reachable: true }], [true, false]],
    ["one away from the start", [true, false], [up, away], [true, true]],
    ["one away since it was in sync", [true, true], [up, away], [true, true]],
    ["one away and the other not yet in sync", [false, false], [up, away], [false, false]],
  ];
  it.each(cases)("make the service ready: %s", (_, [east, west], clusters, ok) => {
    const checks = clusterChecks(
      [
        { cluster: "east", synced: east },
        { cluster: "west", synced: west },
      ],
      clusters,
    );
    expect(checks.map((each) => each.ok)).toEqual(ok);
    expect(checks.map(({ name }) => name)).toEqual(["kubernetes east", "kubernetes west"]);
  });
});
