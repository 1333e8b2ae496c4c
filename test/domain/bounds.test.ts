import { describe, expect, it } from "vitest";
import type { Drive, Lane } from "../../src/domain/drive-state.ts";
import { packed } from "../../src/domain/packed.ts";
import { UnreadableError } from "../../src/domain/readable.ts";
import { Crew, wave } from "./fleet.ts";
import { decide } from "./harness.ts";
import { abandon, begin, beginRollback, cancel, failed, NOW, Play, ready, VERBS } from "./machines.ts";

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
const KIB = 1024;
/** Text of so many characters that takes as many bytes as it can: in UTF-8, and escaped. */
const WIDE = '\u2028語\u0001"\\💥';
const text = (length: number) => WIDE.repeat(length).slice(0, length);

describe("what is stored", () => {
  it("the head of 100 waves with 20 long failures stays within 32 KiB", () => {
    const id = (i: number) => `${i}`.padStart(64, "x");
    const waves = Array.from({ length: 100 }, (_, i): [string, string][] => [
      [id(i), `r/${"i".repeat(250)}`],
    ]);
    const first = Array.from({ length: 40 }, (_, i): [string, string] => [id(1_000 + i), "sentinel:v1"]);
    const play = new Play();
    const opening = begin("rollout-1", [first, ...waves.slice(1)], `r/${"i".repeat(250)}`);
    const crew = new Crew(play, play.drives(opening));
    crew.say(crew.driver, [], { opens: { wave: 0, window: 500 } });
    crew.calm();
    for (const lane of crew.lanes) {
      crew.say(
        lane,
        [...lane.flying.keys()].map((each) => failed(each, text(1_024))),
      );
    }
    expect(play.phase).toBe("paused");
    expect(play.head.waves).toHaveLength(100);
    expect(play.head.failures).toHaveLength(20);
    expect(bytes(play.head)).toBeLessThanOrEqual(32 * KIB);
  });

  it("the drive with as many lanes as there can be stays within 32 KiB", () => {
    const play = new Play();
    const crew = Crew.of(play, 24_000, 24_000);
    crew.calm();
    play.do({ type: "pause", operator: text(64), comment: text(500) });
    const lanes = Object.keys(play.drive?.lanes ?? {}).length;
    expect(lanes).toBeGreaterThanOrEqual(175);
    expect(lanes).toBeLessThanOrEqual(181);
    const full = (lane: Lane, n: number): Lane => ({
      ...lane,
      invocationId: `inv_${"1".repeat(38)}`,
      launched: 640,
      seq: 4_000,
      grants: 640,
      ...{ out: 128, launching: 16, succeeded: 160, failed: 128, skipped: 128, reverted: 160 },
      ...(n % 2 === 0 ? { announced: true } : {}),
    });
    const drive = play.drive as Drive;
    const fullest = Object.fromEntries(
      Object.entries(drive.lanes).map(([n, lane]) => [n, full(lane, Number(n))]),
    );
    expect(bytes(packed("drive", { ...drive, lanes: fullest }))).toBeLessThanOrEqual(32 * KIB);
  });

  it("no value is above 256 KiB at the lengths of the contract, whatever is written into it", () => {
    const image = `registry.example/${"i".repeat(255 - 17 - 3)}:v1`;
    const fleet = wave(1_200).map(([id]): [string, string] => [id.padStart(64, "x"), image]);
    const play = new Play();
    const largest = () => Math.max(...[...play.kv.values()].map(bytes));
    const crew = new Crew(play, play.drives(begin("rollout-1", [fleet], image), 5_000));
    crew.say(crew.driver, [], { opens: { wave: 0, window: 5_000 } });
    crew.calm();
    for (const lane of crew.lanes) {
      const half = [...lane.flying.keys()];
      while (half.length > 0) {
        const some = half.splice(0, 16);
        crew.say(
          lane,
          some.map((id, i) => (i % 2 === 0 ? failed(id, text(1_024)) : ready(id))),
        );
        expect(largest()).toBeLessThanOrEqual(256 * KIB);
      }
    }
    play.do(abandon("rollout-1"));
    const rollback = play.drives(beginRollback(), 5_000);
    rollback.open(0);
    expect(largest()).toBeLessThanOrEqual(256 * KIB);
  });

  it("nor with 400 sentinels of a part that regressed, and the head of a soak in 60 regions within 32 KiB", () => {
    const id = (i: number) => `${i}`.padStart(64, "x");
    const image = `registry.example/${"i".repeat(255 - 17 - 3)}:v1`;
    const waves = Array.from({ length: 99 }, (_, i): [string, string][] => [[id(1_000 + i), image]]);
    const first = Array.from({ length: 430 }, (_, i): [string, string] => [id(10_000 + i), image]);
    const play = new Play();
    const limits = { soakSeconds: Array.from({ length: 100 }, () => 86_400), maxFailures: "50%" };
    const crew = new Crew(play, play.drives({ ...begin("rollout-1", [first, ...waves], image), limits }));
    crew.say(crew.driver, [], { opens: { wave: 0, window: 500 } });
    crew.calm();
    for (const lane of crew.lanes) {
      for (let n = 0; lane.flying.size > 0; n++) {
        const some = [...lane.flying.keys()].slice(0, 16);
        const isLast = n === 0 && lane === crew.driver;
        crew.say(
          lane,
          some.map((each) => (isLast ? failed(each, text(1_024)) : ready(each))),
        );
      }
    }
    expect(play.head.soakUntilMs).toBeDefined();
    const pair = {
      updated: { total: 10_000, unhealthy: 10_000 },
      notUpdated: { total: 10_000, unhealthy: 10_000 },
    };
    const regions = Array.from({ length: 60 }, (_, i) => [`region-${i}`.padEnd(63, "x"), pair] as const);
    const seen = {
      type: "health" as const,
      rolloutId: play.head.rolloutId,
      regressed: first.map(([each]) => ({ id: each, sinceMs: 1_764_278_837_000, why: text(1_024) })),
      recovered: [],
      health: {
        ...pair,
        regions: Object.fromEntries(regions),
        unseen: Array.from({ length: 60 }, (_, i) => `cluster-${i}`.padEnd(63, "x")),
      },
    };
    play.do(seen);
    expect(play.head).toMatchObject({ pauseKind: "regression" });
    play.do({ ...seen, regressed: [], recovered: first.map(([each]) => each) });
    expect(play.head.regressions?.newest).toHaveLength(20);
    for (const value of play.kv.values()) expect(bytes(value)).toBeLessThanOrEqual(256 * KIB);
    expect(bytes(play.head)).toBeLessThanOrEqual(32 * KIB);
  });

  it("nor when everything that was in flight settles while a rollback is slow", () => {
    const image = `registry.example/${"i".repeat(255 - 17 - 3)}:v1`;
    const fleet = wave(2_500).map(([id]): [string, string] => [id.padStart(64, "x"), image]);
    const play = new Play();
    const crew = new Crew(play, play.drives(begin("rollout-1", [fleet], image), 5_000));
    crew.say(crew.driver, [], { opens: { wave: 0, window: 5_000 } });
    crew.calm();
    play.do(cancel());
    play.drives(beginRollback(), 1).open(0);
    for (const lane of crew.lanes) {
      while (lane.flying.size > 0) crew.say(lane, [...lane.flying.keys()].slice(0, 16).map(ready));
    }
    expect(play.drive?.forward).toBeUndefined();
    for (const value of play.kv.values()) expect(bytes(value)).toBeLessThanOrEqual(256 * KIB);
  });
});

describe("a record", () => {
  it("comes at most 1.5 s after the result, and the lane that sees to it is told when", () => {
    const play = new Play();
    const driver = play.second();
    const { againInMs } = driver.report([ready("b")]);
    expect(againInMs).toBe(1_500);
    expect(play.part("2/1")).toMatchObject({ b: { is: "waiting" } });
    play.now += 1_500;
    driver.report([], { due: true });
    expect(play.part("2/1")).toMatchObject({ b: { is: "succeeded" } });
    expect(play.drive?.pending).toBeUndefined();
  });

  it("is not written where nothing waits for it", () => {
    const play = new Play();
    const driver = play.second();
    play.now += 60_000;
    const keys = play.do(driver.said([], { due: true })).writes.map(({ key }) => key);
    expect(keys.filter((key) => key.startsWith("rolloutState"))).toEqual([]);
    expect(play.last?.answer.againInMs).toBeUndefined();
  });

  it("is made by any change where the lane that was to see to it is gone or silent", () => {
    const play = new Play();
    const driver = play.second();
    driver.report([ready("b")]);
    const silent = [{ invocationId: "rollout-1", sinceMs: NOW, why: "it is paused" }];
    play.do({ type: "silent", rolloutId: play.head.rolloutId, silent });
    expect(play.part("2/1")).toMatchObject({ b: { is: "succeeded" } });
  });
});

describe("a lane that does not answer", () => {
  const silent = [{ invocationId: "rollout-1", sinceMs: NOW, why: "it is paused" }];

  it("is told of once, is named with what it holds, and its sentinels count by their rows", () => {
    const play = new Play();
    const driver = play.second();
    const { rolloutId } = play.head;
    expect(play.do({ type: "silent", rolloutId, silent }).answer.held).toEqual([
      {
        lane: 1,
        image: "sentinel:v2",
        sinceMs: NOW,
        items: [
          { id: "b", at: "2/1" },
          { id: "c", at: "2/1" },
        ],
      },
    ]);
    expect(play.last?.notifications).toMatchObject([
      { kind: "silent", invocationId: "rollout-1", why: "it is paused" },
    ]);
    play.do({ type: "silent", rolloutId, silent });
    expect(play.told).toEqual([]);
    const found = (id: string) => ({ id, at: "2/1", is: "succeeded" as const });
    play.do({ type: "found", rolloutId, lane: 1, results: [found("b")] });
    // It has never said that it launched the other one.
    expect(play.numbers).toMatchObject({ succeeded: 2, inFlight: 0, waiting: 1 });
    driver.report([ready("b")]);
    expect(play.numbers).toMatchObject({ succeeded: 2, inFlight: 1 });
    expect(play.drive?.lanes[1]?.silent).toBeUndefined();
  });

  it("and has nothing to say gets its grant once it is there again", () => {
    const play = new Play();
    const driver = play.second();
    play.do(cancel());
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report([{ id: "a", is: "reverted" }]);
    const { rolloutId } = play.head;
    const paused = [{ invocationId: "rollback-1", sinceMs: NOW, why: "it is paused" }];
    play.do({ type: "silent", rolloutId, silent: paused });
    play.do({ type: "silent", rolloutId, silent: [] });
    expect(rollback.rung).toBe(false);
    driver.report([ready("b")]);
    expect(rollback.rung).toBe(true);
    expect(rollback.report().grant?.items).toMatchObject([{ id: "b" }]);
  });
});

describe("a state that cannot be read", () => {
  const { rollout: good } = (() => {
    const play = new Play();
    play.begun();
    return play;
  })();
  const values = [
    ...["hello", 7, [], {}, { state: "banana" }, { ...good, state: "banana" }, { ...good, waves: [[]] }],
    ...[
      { ...good, failures: "none" },
      { ...good, currentWave: -1 },
      { ...good, pauseReason: undefined },
    ],
  ];

  it.each(values.map((value) => [JSON.stringify(value).slice(0, 60), value]))(
    "is said to be so: %s",
    (_, value) => {
      for (const event of [...Object.values(VERBS), abandon(), { type: "ask", rolloutId: "r" } as const]) {
        const decides = () => decide(new Map([["rolloutState", value]]), event, NOW);
        expect(decides).toThrow(UnreadableError);
        expect(decides).toThrow(/^rolloutState is unreadable: .*(Put back|clear the key)/);
      }
    },
  );

  it("counts at once when it is repaired", () => {
    expect(decide(new Map([["rolloutState", good]]), VERBS.Cancel, NOW).answer.accepted).toBe(true);
  });
});
