import { describe, expect, it } from "vitest";
import type { Event } from "../../src/domain/event.ts";
import { Crew, wave } from "./fleet.ts";
import {
  begin,
  beginRollback,
  cancel,
  failed,
  interrupt,
  Play,
  pause,
  ready,
  resume,
  reverted,
  skipped,
} from "./machines.ts";
import {
  broke,
  inSecond,
  kindOf,
  NOBODY,
  passes,
  running,
  SURVEY,
  seen,
  soaking,
  WHY,
} from "./regressing.ts";

describe("one that broke after it came up", () => {
  it("in a soak pauses the rollout at once, and says who, since when and why", () => {
    const [play] = soaking();
    const health = {
      updated: { total: 3, unhealthy: 1 },
      notUpdated: { total: 2, unhealthy: 0 },
      ...{ regions: {}, unseen: [] },
    };
    play.now += 10_000;
    play.do(seen(play, { broken: ["b"], health }));
    expect(play.told).toEqual(["paused"]);
    const known = { id: "b", sinceMs: play.now - 60_000, why: WHY };
    expect(play.last?.notifications).toMatchObject([{ why: "regression", regressions: [known] }]);
    expect(play.head).toMatchObject({
      pauseKind: "regression",
      pauseReason:
        "wave 1/2: 1 of 3 that took the image regressed (budget 0); updated: 1 of 3 unhealthy; not yet updated: 0 of 2 unhealthy: probably the image",
      soakLeftMs: 50_000,
      regressions: { round: 1, found: 1, all: 1, newest: [known] },
      health,
    });
    expect(play.part("1/1").b).toMatchObject({ is: "succeeded", regressed: { round: 1 } });
  });

  it("in the middle of a wave is a fence: nothing is launched from that change on, and what flies is waited for", () => {
    const [play, driver] = inSecond();
    expect([...driver.flying.keys()]).toEqual(["d"]);
    broke(play, "a");
    expect(play.head.state).toBe("in_progress");
    expect(play.view.phase).toBe("pausing");
    const { grant } = driver.report([ready("d")]);
    expect(grant).toBeUndefined();
    expect(driver.launched.map(({ id }) => id)).not.toContain("e");
    expect(play.head).toMatchObject({ pauseKind: "regression", currentWave: 1 });
    expect(play.numbers).toMatchObject({ succeeded: 4, waiting: 1, inFlight: 0 });
    const on = play.drives(resume(), 1);
    on.open(1);
    on.report([ready("e")]);
    expect(play.last?.soaks?.inMs).toBe(60_000);
  });

  it("of 5,000 fifty at once: one pause, one message, and no more launched than there were", () => {
    const play = new Play();
    const fleet = [wave(5_000, "a"), wave(1_000, "b")];
    const event = { ...begin("rollout-1", fleet), limits: { soakSeconds: [60, 60] } };
    const crew = new Crew(play, play.drives(event, 500));
    crew.say(crew.driver, [], { opens: { wave: 0, window: 500 } });
    crew.calm();
    while (play.head.soakUntilMs === undefined) {
      crew.settle(500);
      crew.calm();
    }
    const ids = wave(5_000, "a").map(([id]) => id);
    broke(play, ...ids.filter((_, i) => i % 100 === 0));
    expect(play.told).toEqual(["paused"]);
    expect(play.head.regressions).toMatchObject({ found: 50, all: 50 });
    expect(play.head.regressions?.newest).toHaveLength(20);
    expect(crew.launched).toBe(5_000);
  });

  it("exactly as the next wave begins stops it, whichever comes first", () => {
    const [first] = soaking();
    broke(first, "a");
    passes(first);
    expect(kindOf(first)).toBe("regression");
    expect(first.head.currentWave).toBe(0);
    const [second, driver] = soaking();
    passes(second);
    broke(second, "a");
    expect(second.head).toMatchObject({ state: "paused", pauseKind: "regression", currentWave: 1 });
    expect(driver.report([], { opens: { wave: 1, window: 9 } }).grant).toBeUndefined();
    const on = second.drives(resume());
    on.open(1);
    expect([...on.flying.keys()]).toEqual(["d", "e"]);
  });

  it("in the last soak keeps the rollout from being completed, and a Resume from soaking anew", () => {
    const [play, driver] = inSecond({}, 2);
    driver.report([ready("d"), ready("e")]);
    play.now += 20_000;
    broke(play, "e");
    expect(play.head).toMatchObject({ pauseKind: "regression", currentWave: 1, soakLeftMs: 40_000 });
    play.do(resume());
    passes(play);
    expect(play.phase).toBe("completed");
  });

  it("counts though its result still waits for its record", () => {
    const [play, driver] = inSecond({}, 2);
    driver.report([ready("d")]);
    expect(play.part("2/1")).toMatchObject({ d: { is: "waiting" } });
    broke(play, "d");
    expect(play.part("2/1").d).toMatchObject({ is: "succeeded", regressed: { round: 1 } });
    expect(play.view.phase).toBe("pausing");
  });

  it("that failed, was skipped, waits, is of nobody, or has been reverted is none", () => {
    const [play, driver] = running({ maxFailures: 3 }, 3);
    driver.report([failed("a"), skipped("b"), ready("c")]);
    broke(play, "a", "b", "d", "nobody");
    expect(play.head.state).toBe("in_progress");
    expect(play.head.regressions).toBeUndefined();
    play.do(cancel());
    const back = play.drives(beginRollback());
    back.open(0);
    back.report([reverted("c")]);
    const { kv } = play;
    broke(play, "c");
    expect(play.last?.answer.accepted).toBe(false);
    expect(play.kv).toEqual(kv);
  });

  it("that is no rollback's to revert any more is none", () => {
    const [play] = soaking();
    play.do(pause());
    const { a, ...part } = play.part("1/1");
    if (a === undefined) throw new Error("there is a");
    play.kv = new Map(play.kv).set("rolloutState/wave-1/1", { ...part, a: { ...a, stays: "moved" } });
    broke(play, "a");
    expect(play.head.regressions).toBeUndefined();
  });

  it("of another rollout, or of one that asked for no soak, changes nothing", () => {
    const [play] = soaking();
    const { kv } = play;
    play.do({ ...seen(play, { broken: ["a"] }), rolloutId: "another" } as Event);
    expect(play.last?.answer.accepted).toBe(false);
    expect(play.kv).toEqual(kv);
    const plain = new Play();
    plain.begun().report([ready("a")]);
    broke(plain, "a");
    expect(plain.last?.answer.accepted).toBe(false);
    expect(plain.head.state).toBe("in_progress");
  });

  it("is found where its id stands in another place than its order tells", () => {
    const play = new Play();
    const fleet: [string, string][][] = [[["B", "v1"]], [["a", "v1"]]];
    const event = { ...begin("rollout-1", fleet), limits: { soakSeconds: [9, 9] } };
    const plan = event.plan.map((each) => ({ ...each, first: "x", last: "x" }));
    const driver = play.drives({ ...event, plan });
    driver.open(0);
    driver.report([ready("B")]);
    broke(play, "B");
    expect(kindOf(play)).toBe("regression");
  });
});

describe("while somebody else stops it, too,", () => {
  it("a regression is what the pause tells, as an exceeded budget is", () => {
    for (const first of ["pause", "regression"]) {
      const [play, driver] = inSecond();
      const steps = [() => play.do({ ...pause(), operator: "alice" }), () => broke(play, "a")];
      for (const step of first === "pause" ? steps : steps.reverse()) step();
      driver.report([ready("d")]);
      expect(kindOf(play), first).toBe("regression");
    }
  });

  it("an interruption is told as that, and keeps what was found", () => {
    const [play, driver] = inSecond();
    play.do(interrupt("rollout-1"));
    broke(play, "a");
    driver.report([ready("d")]);
    expect(kindOf(play)).toBe("interrupted");
    expect(play.head.regressions).toMatchObject({ found: 1 });
  });
});

describe("of more regions than the head keeps", () => {
  it("those are kept in which most of what took the image suffers", () => {
    const [play] = soaking();
    const pair = (unhealthy: number) => ({ updated: { total: 9, unhealthy }, notUpdated: NOBODY });
    const regions = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`r${i}`, pair(i === 59 ? 1 : 0)]),
    );
    play.do(seen(play, { broken: ["a"], health: { ...SURVEY, regions } }));
    const kept = Object.keys(play.head.health?.regions ?? {});
    expect(kept).toHaveLength(50);
    expect(kept[0]).toBe("r59");
  });
});

describe("a change that is killed while it notes", () => {
  it("counts nothing twice, and forgets nothing that is told again", () => {
    const [story] = soaking({ maxRegressions: 1 });
    broke(story, "a");
    const { writes } = story.do(seen(story, { broken: ["b"] }), 0);
    for (let cut = 0; cut <= writes.length; cut++) {
      const [play] = soaking({ maxRegressions: 1 });
      broke(play, "a");
      const event = seen(play, { broken: ["b"] });
      play.do(event, cut);
      play.do(event);
      expect(play.head, `after ${cut} writes`).toMatchObject({ regressions: { found: 2, all: 2 } });
      expect(kindOf(play), `after ${cut} writes`).toBe("regression");
    }
  });
});
