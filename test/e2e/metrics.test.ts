import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { type Scrape, scrape } from "../support/exposition.ts";
import { until } from "../support/until.ts";
import { it, NEW } from "../support/world.ts";

const DEPLOYS = "sentinel_rollout_deploy_duration_seconds";
const MONITORING = "deploy/monitoring";

describe("after a rollout of 6 with a failure", () => {
  it.override({ options: { sentinels: 6, env: { DEPLOY_TIMEOUT_SECONDS: "3" } } });

  it("/metrics counts what happened once, has the state at every replica, and all that dashboard and alerts ask for", async ({
    world,
  }) => {
    await world.fault("sen_0006", "NeverReady");
    const { body } = await world.verb("Rollout", { image: NEW, wave_percentages: [50, 100] });
    expect(body).toMatchObject({ state: "paused", succeeded: 5, failed: 1 });
    await world.quiet();
    // Some of what is asked for is there only then.
    const endsMs = Math.ceil(Date.now() / 1000) * 1000 + 3_600_000;
    await world.verb("Freeze", { reason: "why", until: new Date(endsMs).toISOString() });
    await until("Slack to hear of it", () =>
      world.slack().includes("Sentinel rollouts frozen by an operator"),
    );
    // The fleet is counted as the watcher reads it, every 30 s.
    const counted = async (health: string) => {
      const seen = await scrape(health);
      const isFrozen = seen.value("sentinel_rollout_frozen") === 1;
      return isFrozen && seen.value("sentinel_rollout_sentinels", { deploy_status: "failed" }) === 1 && seen;
    };
    const metrics = await until("the fleet is counted", () => counted(world.stack.health), 60_000);
    const { value } = metrics;

    // Steps and handlers replay; what they did is counted once.
    expect(value(`${DEPLOYS}_count`, { result: "ready" })).toBe(5);
    expect(value(`${DEPLOYS}_count`, { result: "failed" })).toBe(1);
    expect(value(`${DEPLOYS}_sum`, { result: "failed" })).toBeGreaterThan(3);
    expect(value(`${DEPLOYS}_count`, { result: "unchanged" })).toBe(0);
    expect(value("sentinel_rollout_converged_to_ready_seconds_count")).toBe(5);
    expect(value("sentinel_rollout_kubernetes_requests_total", { verb: "patch", code: "200" })).toBe(6);
    expect(value("sentinel_rollout_slack_deliveries_total", { result: "delivered" })).toBe(6);
    expect(value("sentinel_rollout_frozen_until_timestamp_seconds")).toBe(endsMs / 1000);
    for (const [change, count] of [
      ["started", 1],
      ["wave_started", 2],
      ["wave_completed", 1],
      ["paused", 1],
      ["frozen", 1],
      ["completed", 0],
    ] as const) {
      expect(value("sentinel_rollout_phase_changes_total", { change }), change).toBe(count);
    }
    expect(
      value("sentinel_rollout_mysql_statement_duration_seconds_count", { statement: "update" }),
    ).toBeGreaterThan(0);

    expect(stateOf(metrics)).toEqual(PAUSED);
    const { health } = await world.stack.startReplica();
    const replica = await until("the replica has counted the fleet", () => counted(health), 60_000);
    expect(replica.value(`${DEPLOYS}_count`)).toBe(0);
    expect(stateOf(replica)).toEqual(PAUSED);

    checkNames(metrics);
    await checkMonitoring(metrics);
  });
});

const PAUSED = {
  state: { idle: 0, in_progress: 0, paused: 1, cancelled: 0, completed: 0, rolling_back: 0 },
  image: NEW,
  phase: ["paused"],
  pauseKind: ["failure"],
  numbers: [2, 2, 6, 5, 1, 0, 0, 0],
  sentinels: { idle: 0, progressing: 0, ready: 5, failed: 1 },
};

function stateOf({ samples, value }: Scrape): object {
  const states = samples.filter(({ name }) => name === "sentinel_rollout_state");
  /** The values of a label that are 1. */
  const holds = (metric: string, label: string) =>
    samples.flatMap((each) => (each.name === metric && each.value === 1 ? [each.labels[label]] : []));
  const info = samples.find(({ name }) => name === "sentinel_rollout_info");
  return {
    state: Object.fromEntries(states.map((sample) => [sample.labels.state, sample.value])),
    image: info?.labels.image,
    phase: holds("sentinel_rollout_phase", "phase"),
    pauseKind: holds("sentinel_rollout_pause_kind", "kind"),
    numbers: [
      "current_wave",
      "waves",
      "target_sentinels",
      "succeeded_sentinels",
      "failed_sentinels",
      "reverted_sentinels",
      "regressed_sentinels",
      "soak_until_timestamp_seconds",
    ].map((name) => value(`sentinel_rollout_${name}`)),
    sentinels: Object.fromEntries(
      ["idle", "progressing", "ready", "failed"].map((status) => [
        status,
        value("sentinel_rollout_sentinels", { deploy_status: status }),
      ]),
    ),
  };
}

/** Prometheus' conventions, as far as a machine can check them. */
function checkNames({ families, samples }: Scrape): void {
  for (const [name, { help, type }] of families) {
    expect(name).toMatch(/^(sentinel_rollout|process|nodejs)_[a-z0-9_]+$/);
    expect(help, name).not.toBe("");
    if (!name.startsWith("sentinel_rollout_")) continue;
    expect(help, name).toMatch(/\.$/);
    expect(name.endsWith("_total"), `${name} is a ${type}`).toBe(type === "counter");
    if (type === "histogram") expect(name).toMatch(/_seconds$/);
    expect(name, "base units").not.toMatch(/_(ms|milliseconds|minutes|kb|percent)(_|$)/);
  }
  const series = samples.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).sort()]));
  expect(new Set(series).size).toBe(series.length);
  for (const { name, value } of samples) expect(value, name).not.toBeNaN();
}

async function checkMonitoring({ samples, families }: Scrape): Promise<void> {
  const own = [...families.keys()].filter((name) => name.startsWith("sentinel_rollout_")).sort();
  const [, section = ""] = (await readFile("docs/monitoring.md", "utf8")).split("\n## Metrics\n");
  const documented = section.split("\n## ")[0]?.match(/^\| `sentinel_rollout_\w+/gm) ?? [];
  expect(documented.map((row) => row.slice(3)).sort()).toEqual(own);
  const shown = new Set(samples.map(({ name }) => name));
  for (const file of await readdir(MONITORING)) {
    const asked = (await readFile(join(MONITORING, file), "utf8")).match(/\bsentinel_rollout_\w+/g) ?? [];
    for (const name of asked) expect(shown, `${file} asks for ${name}`).toContain(name);
    expect(asked.length, file).toBeGreaterThan(0);
  }
}
