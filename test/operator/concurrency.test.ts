import { setTimeout as think } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drivesLeft } from "../support/rollout-state.ts";
import { seedOf } from "../support/seed.ts";
import { until } from "../support/until.ts";
import { it, type World } from "../support/world.ts";
import { explain, type Sight, said, type Verb } from "./history.ts";

const CLIENTS = 8;
const STEPS = 32;
const RUNS = 2;
/**
 * A verb that drives nothing answers within this (ms), whatever else goes on: what was agreed, and ten times what it takes as a
 * rule. What it must not wait for lasts as long as a rollout.
 */
const AT_ONCE_MS = 1_000;
const DRIVES: Verb[] = ["Rollout", "Resume", "RetryFailed", "RollbackAll", "Abort"];

/** One thing that a client does, after it thought about it. */
interface Step {
  verb: Verb;
  thinkMs: number;
  waves: number[];
}

const step: fc.Arbitrary<Step> = fc.record({
  verb: fc.oneof(
    { weight: 4, arbitrary: fc.constant<Verb>("Rollout") },
    { weight: 4, arbitrary: fc.constant<Verb>("Resume") },
    { weight: 2, arbitrary: fc.constant<Verb>("Cancel") },
    { weight: 1, arbitrary: fc.constant<Verb>("RollbackAll") },
    { weight: 2, arbitrary: fc.constant<Verb>("Pause") },
    { weight: 2, arbitrary: fc.constant<Verb>("RetryFailed") },
    { weight: 1, arbitrary: fc.constant<Verb>("Abort") },
    { weight: 2, arbitrary: fc.constant<Verb>("Status") },
    { weight: 1, arbitrary: fc.constant<Verb>("Plan") },
  ),
  thinkMs: fc.nat(250),
  waves: fc.constantFrom([100], [50, 100], [17, 50, 100]),
});
const scripts = fc.array(fc.array(step, { minLength: STEPS, maxLength: STEPS }), {
  minLength: CLIENTS,
  maxLength: CLIENTS,
});

/** What was seen in one run, by all clients together. */
class Record {
  readonly sights: Sight[] = [];
  readonly slow: string[] = [];
  /** How often each verb was answered what. */
  readonly counts = new Map<string, number>();
  #calls = 0;

  async call(world: World, verb: Verb, waves: number[] = [100]): Promise<string> {
    const call = ++this.#calls;
    const image = `ghcr.io/unkeyed/sentinel:c${Date.now()}-${call}`;
    const body = verb === "Rollout" || verb === "Plan" ? { image, wave_percentages: waves } : {};
    this.sights.push({ kind: "asked", call, verb, image });
    const began = performance.now();
    const answer = await world.verb(verb, body);
    const tookMs = Math.round(performance.now() - began);
    const told = said(verb, answer);
    this.sights.push({ kind: "told", call, said: told });
    const drove = DRIVES.includes(verb) && told.startsWith("200");
    if (!drove && tookMs > AT_ONCE_MS) this.slow.push(`${verb} → ${told} took ${tookMs} ms`);
    const [status, state = ""] = told.split(" ");
    const key = `${verb} ${status} ${state}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    return state;
  }

  /** How often a verb was taken. */
  taken(verb: Verb): number {
    return [...this.counts].reduce((sum, [key, n]) => (key.startsWith(`${verb} 200`) ? sum + n : sum), 0);
  }
}

/** Nobody acts any more but to end what is there. */
async function comeToRest(world: World, record: Record): Promise<void> {
  await until("the rollout to be over", async () => {
    const state = await record.call(world, "Status");
    if (state === "in_progress" || state === "paused") await record.call(world, "Cancel");
    return ["idle", "completed", "cancelled"].includes(state);
  });
  await world.quiet();
}

async function isSound(world: World): Promise<void> {
  const { succeededIds = [], failedIds = [], revertedIds = [], waves = [] } = (await world.state()) ?? {};
  const results = [...succeededIds, ...failedIds];
  expect(new Set(results).size, "nobody has two results").toBe(results.length);
  expect(new Set(revertedIds).size, "nobody is reverted twice").toBe(revertedIds.length);
  expect(waves.flat()).toEqual(expect.arrayContaining([...results, ...revertedIds]));
  for (const row of await world.rows()) expect(row.deploy_status, row.id).not.toBe("progressing");
  expect(await drivesLeft((statement) => world.sql(statement)), "no drive is left").toEqual([]);
  const [left] = await world.sql<{ n: number }>(
    "SELECT count(*) AS n FROM state WHERE service_name LIKE '%SentinelService'",
  );
  expect(left?.n, "no Deploy is left").toBe(0);
}

describe("eight operators at once", () => {
  it.override({ options: { sentinels: 6 } });

  it("are each told what the state machine allows, at once, and leave nothing stuck", async ({ world }) => {
    await world.change("UPDATE sentinels SET k8s_name = 'gone' WHERE id = 'sen_0003'");
    await world.fault("sen_0005", "slow:1");
    let heard = 0;
    for (const clients of fc.sample(scripts, { seed: seedOf("concurrency"), numRuns: RUNS })) {
      const start = await world.status();
      const record = new Record();
      await Promise.all(
        clients.map(async (steps) => {
          for (const { verb, thinkMs, waves } of steps) {
            await think(thinkMs);
            await record.call(world, verb, waves);
          }
        }),
      );
      await comeToRest(world, record);
      explain(record.sights, { phase: start.state, image: start.image });
      expect(record.slow).toEqual([]);
      await isSound(world);

      const told = world.slack().slice(heard);
      heard += told.length;
      const count = (header: string) => told.filter((each) => each.startsWith(header)).length;
      expect({
        started: count("Sentinel rollout started"),
        resumed: count("Sentinel rollout resumed"),
        retried: count("Sentinel rollout: retrying"),
        cancelled: count("Sentinel rollout cancelled in wave"),
        rollbacks: count("Sentinel rollback started"),
      }).toEqual({
        started: record.taken("Rollout"),
        resumed: record.taken("Resume"),
        retried: record.taken("RetryFailed"),
        cancelled: record.taken("Cancel") + record.taken("Abort"),
        rollbacks: record.taken("RollbackAll") + record.taken("Abort"),
      });
    }
  }, 120_000);
});

describe("the check itself", () => {
  const asked = (call: number, verb: Verb, image = "x:v1"): Sight => ({ kind: "asked", call, verb, image });
  const told = (call: number, says: string): Sight => ({ kind: "told", call, said: says });
  const idle = { phase: "idle", image: "" } as const;

  test("takes a history that some order explains", () => {
    const history = [
      asked(1, "Rollout"),
      asked(2, "Rollout", "x:v2"),
      asked(3, "Status"),
      told(2, "409 in_progress"),
      told(3, "200 idle "),
      asked(4, "Cancel"),
      told(1, "200 cancelled x:v1"),
      told(4, "200 cancelled x:v1"),
    ];
    expect(() => explain(history, idle)).not.toThrow();
  });

  test("takes a pause that came before the failure, after it, or as nothing was in flight", () => {
    const pausedBefore = [
      ...[
        asked(1, "Rollout"),
        asked(2, "Pause"),
        told(2, "200 in_progress x:v1"),
        told(1, "200 paused x:v1"),
      ],
      ...[asked(3, "Pause"), told(3, "200 paused x:v1"), asked(4, "Resume"), told(4, "200 paused x:v1")],
      ...[asked(5, "Pause"), told(5, "200 paused x:v1"), asked(6, "Resume"), told(6, "200 completed x:v1")],
    ];
    expect(() => explain(pausedBefore, idle)).not.toThrow();
    const atOnce = [
      asked(1, "Rollout"),
      asked(2, "Pause"),
      told(2, "200 paused x:v1"),
      told(1, "200 paused x:v1"),
    ];
    expect(() => explain(atOnce, idle)).not.toThrow();
    const aborted = [
      ...[asked(1, "Rollout"), asked(2, "Pause"), asked(3, "Abort"), told(2, "200 in_progress x:v1")],
      ...[asked(4, "Status"), told(4, "200 rolling_back x:v1"), told(3, "200 cancelled")],
      ...[told(1, "200 cancelled x:v1")],
    ];
    expect(() => explain(aborted, idle)).not.toThrow();
  });

  test("takes a verb that looked at the rollout before", () => {
    const another = "409 another rollout has begun";
    const late = [
      ...[asked(1, "Rollout"), told(1, "200 paused x:v1"), asked(2, "RollbackAll"), asked(3, "Cancel")],
      ...[told(3, "200 cancelled x:v1"), asked(4, "Rollout", "x:v2"), told(4, "200 paused x:v2")],
      told(2, another),
    ];
    expect(() => explain(late, idle)).not.toThrow();
    const early = [
      asked(1, "Rollout"),
      told(1, "200 paused x:v1"),
      asked(2, "RollbackAll"),
      told(2, another),
    ];
    expect(() => explain(early, idle)).toThrow("nothing explains the answer");
  });

  const impossible: [string, Sight[]][] = [
    [
      "two rollouts at a time",
      [
        asked(1, "Rollout"),
        asked(2, "Rollout", "x:v2"),
        told(1, "200 paused x:v1"),
        told(2, "200 paused x:v2"),
      ],
    ],
    ["a refusal for what nobody started", [asked(1, "Rollout"), told(1, "409 in_progress")]],
    [
      "what is over already",
      [asked(1, "Rollout"), told(1, "200 paused x:v1"), asked(2, "Status"), told(2, "200 in_progress x:v1")],
    ],
    ["another rollout's image", [asked(1, "Rollout"), told(1, "200 paused x:v2")]],
    ["a Cancel of nothing", [asked(1, "Cancel"), told(1, "200 cancelled ")]],
    ["a rollout that completes over a failure", [asked(1, "Rollout"), told(1, "200 completed x:v1")]],
    [
      "a Pause that an operator's Resume does not end",
      [
        ...[
          asked(1, "Rollout"),
          asked(2, "Pause"),
          told(2, "200 in_progress x:v1"),
          told(1, "200 paused x:v1"),
        ],
        ...[
          asked(3, "Resume"),
          asked(4, "Resume"),
          told(3, "200 paused x:v1"),
          told(4, "200 cancelled x:v1"),
        ],
      ],
    ],
    [
      "a rollout that fails twice",
      [...[asked(1, "Rollout"), told(1, "200 paused x:v1"), asked(2, "Resume"), told(2, "200 paused x:v1")]],
    ],
    [
      "a Pause that is refused where it is paused already",
      [...[asked(1, "Rollout"), told(1, "200 paused x:v1"), asked(2, "Pause"), told(2, "409 paused")]],
    ],
    ["an Abort that a pause refuses", [asked(1, "Rollout"), asked(2, "Abort"), told(2, "409 paused")]],
    [
      "a rollback that was never asked for",
      [asked(1, "Rollout"), asked(2, "Status"), told(2, "200 rolling_back x:v1")],
    ],
  ];
  for (const [what, history] of impossible) {
    test(`refuses ${what}`, () => {
      expect(() => explain(history, idle)).toThrow("nothing explains the answer");
    });
  }
});
