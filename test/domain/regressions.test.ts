import { describe, expect, it } from "vitest";
import type { Event } from "../../src/domain/event.ts";
import type { HealthSurvey } from "../../src/domain/health.ts";
import type { Limits, PauseKind } from "../../src/domain/state.ts";
import { Crew, wave } from "./fleet.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  interrupt,
  NOW,
  Play,
  pause,
  ready,
  resume,
  retryFailed,
  reverted,
  skipped,
} from "./machines.ts";
import type { Speaker } from "./speaker.ts";

const FLEET: [string, string][][] = [
  [
    ["a", "v1"],
    ["b", "v1"],
    ["c", "v1"],
  ],
  [
    ["d", "v1"],
    ["e", "v1"],
  ],
];
const NOBODY = { total: 0, unhealthy: 0 };
const SURVEY: HealthSurvey = { updated: NOBODY, notUpdated: NOBODY, regions: {}, unseen: [] };
const WHY = "OOMKilled three times";

interface Seen {
  broken?: string[];
  recovered?: string[];
  health?: HealthSurvey;
}

function seen(play: Play, { broken = [], recovered = [], health = SURVEY }: Seen): Event {
  const regressed = broken.map((id) => ({ id, sinceMs: play.now - 60_000, why: WHY }));
  return { type: "health", rolloutId: play.head.rolloutId, regressed, recovered, health };
}

const broke = (play: Play, ...broken: string[]) => play.do(seen(play, { broken }));
const recovers = (play: Play, ...recovered: string[]) => play.do(seen(play, { recovered }));

/** In its first wave, one Deploy at a time unless more are asked for. */
function running(limits: Limits = {}, window = 1): [Play, Speaker] {
  const play = new Play();
  const event = { ...begin("rollout-1", FLEET), limits: { soakSeconds: [60, 60], ...limits } };
  const driver = play.drives(event, window);
  driver.open(0);
  return [play, driver];
}

/** Its first wave has come up, and soaks. */
function soaking(limits: Limits = {}): [Play, Speaker] {
  const [play, driver] = running(limits, 3);
  driver.report(["a", "b", "c"].map(ready));
  return [play, driver];
}

function passes(play: Play): void {
  play.now = play.head.soakUntilMs ?? play.now;
  play.do({ type: "soakEnds", rolloutId: play.head.rolloutId, untilMs: play.head.soakUntilMs ?? 0 });
}

/** In its second wave, one Deploy at a time. */
function inSecond(limits: Limits = {}, window = 1): [Play, Speaker] {
  const [play, driver] = soaking(limits);
  passes(play);
  driver.report([], { opens: { wave: 1, window } });
  driver.report();
  return [play, driver];
}

const kindOf = ({ head: { state, pauseKind } }: Play) => (state === "paused" ? pauseKind : state);

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

describe("max_regressions", () => {
  it.each([
    [undefined, 1],
    [0, 1],
    [1, 2],
    [2, 3],
    ["34%", 2],
    ["33%", 1],
    ["67%", 3],
  ])("of %s of three pauses at %i", (maxRegressions, at) => {
    const [play] = soaking(maxRegressions === undefined ? {} : { maxRegressions });
    const ids = ["a", "b", "c"].slice(0, at);
    for (const id of ids.slice(0, -1)) broke(play, id);
    expect(play.head.state).toBe("in_progress");
    broke(play, ids.at(-1) ?? "");
    expect(kindOf(play)).toBe("regression");
  });

  it("of all that took the image, not only of the wave", () => {
    const [play, driver] = inSecond({ maxRegressions: "25%" }, 2);
    broke(play, "a");
    // One of three.
    expect(play.view.phase).toBe("pausing");
    driver.report([ready("d"), ready("e")]);
    expect(kindOf(play)).toBe("regression");
    const [other, second] = inSecond({ maxRegressions: "25%" }, 2);
    second.report([ready("d"), ready("e")]);
    broke(other, "a");
    // One of five.
    expect(other.head.state).toBe("in_progress");
    expect(other.view.regressed).toBe(1);
  });

  it("counts one that is told twice once", () => {
    const [play] = soaking({ maxRegressions: 1 });
    broke(play, "a");
    broke(play, "a");
    play.do({ ...seen(play, { broken: ["a", "a"] }), recovered: ["a"] } as Event);
    expect(play.head.regressions).toMatchObject({ found: 1, all: 1 });
    expect(play.head.state).toBe("in_progress");
  });
});

describe("a Resume", () => {
  function acknowledged(): Play {
    const [play] = soaking();
    play.now += 10_000;
    broke(play, "a");
    play.do(resume());
    return play;
  }

  it("acknowledges those that were found, and goes on with what is left of the soak", () => {
    const play = acknowledged();
    expect(play.head.regressions).toMatchObject({ round: 2, all: 1 });
    expect(play.head.regressions?.found).toBeUndefined();
    expect(play.head.soakUntilMs).toBe(play.now + 50_000);
    // Said once more it is nothing new: at the end of the soak all of them are looked at.
    broke(play, "a");
    expect(play.head.state).toBe("in_progress");
    passes(play);
    expect(play.head.currentWave).toBe(1);
  });

  it("does not acknowledge the next one", () => {
    const play = acknowledged();
    broke(play, "a", "b");
    expect(kindOf(play)).toBe("regression");
    expect(play.head.pauseReason).toContain("1 of 3 that took the image regressed (budget 0)");
    expect(play.head.regressions).toMatchObject({ round: 2, found: 1, all: 2 });
  });

  it("nor one that recovered and broke again", () => {
    const play = acknowledged();
    recovers(play, "a");
    expect(play.head.state).toBe("in_progress");
    expect(play.head.regressions).toMatchObject({
      all: 1,
      recovered: 1,
      newest: [{ id: "a", recovered: true }],
    });
    broke(play, "a");
    expect(kindOf(play)).toBe("regression");
    expect(play.head.regressions).toMatchObject({ round: 2, found: 1, all: 1 });
    expect(play.head.regressions?.recovered).toBeUndefined();
  });

  it("acknowledges what was found while it was paused for something else", () => {
    const [play] = soaking();
    play.do(pause());
    broke(play, "a");
    expect(play.told).toEqual(["regressed"]);
    expect(play.head).toMatchObject({ pauseKind: "operator", regressions: { found: 1 } });
    play.do(resume());
    expect(play.head.state).toBe("in_progress");
    passes(play);
    expect(play.head.currentWave).toBe(1);
  });

  it("and a RetryFailed alike, also in the middle of a wave", () => {
    const [play, driver] = running({ maxFailures: 1 });
    driver.report([ready("a")]);
    broke(play, "a");
    driver.report([failed("b")]);
    expect(kindOf(play)).toBe("regression");
    const retry = play.drives(retryFailed({ resume: true }), 1);
    retry.open(0);
    expect([...retry.flying.keys()]).toEqual(["b"]);
    expect(play.head.regressions?.found).toBeUndefined();
    broke(play, "a");
    expect(play.view.phase).toBe("retrying");
  });
});

describe("one that recovers", () => {
  it("is marked as recovered, in its part and in the head, and still counts as found", () => {
    const [play] = soaking({ maxRegressions: 1 });
    broke(play, "a");
    recovers(play, "a", "b");
    expect(play.part("1/1").a?.regressed).toMatchObject({ recovered: true });
    expect(play.part("1/1").b?.regressed).toBeUndefined();
    expect(play.head.regressions).toMatchObject({
      ...{ found: 1, all: 1, recovered: 1 },
      newest: [{ id: "a", why: WHY, recovered: true }],
    });
    const { kv } = play;
    recovers(play, "a");
    expect(play.kv.get("rolloutState")).toEqual(kv.get("rolloutState"));
  });

  it("does not end the pause that it was the reason for", () => {
    const [play] = soaking();
    broke(play, "a");
    recovers(play, "a");
    expect(play.told).toEqual([]);
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

describe("on_failure: rollback", () => {
  const onFailure = { onFailure: "rollback" } as const;
  type Story = () => Play;
  const stories: [string, PauseKind, boolean, Story][] = [
    [
      "a regression",
      "regression",
      true,
      () => {
        const [play] = soaking(onFailure);
        broke(play, "a");
        return play;
      },
    ],
    [
      "a failed wave",
      "failure",
      true,
      () => {
        const [play, driver] = running(onFailure, 3);
        driver.report([failed("a"), ready("b"), ready("c")]);
        return play;
      },
    ],
    [
      "a failed wave, of which some were away",
      "failure",
      true,
      () => {
        const [play, driver] = running(onFailure, 3);
        driver.report([failed("a"), { ...failed("b"), away: true }, ready("c")]);
        return play;
      },
    ],
    [
      "a cluster that is away",
      "failure",
      false,
      () => {
        const [play, driver] = running(onFailure, 3);
        driver.report([{ ...failed("a"), away: true }, { ...failed("b"), away: true }, ready("c")]);
        return play;
      },
    ],
    [
      "an exceeded budget",
      "budget",
      true,
      () => {
        const [play, driver] = running({ ...onFailure, maxFailures: 0 }, 3);
        driver.report([failed("a"), ready("b"), ready("c")]);
        return play;
      },
    ],
    [
      "a budget that a cluster that is away exceeds",
      "budget",
      false,
      () => {
        const [play, driver] = running({ ...onFailure, maxFailures: 0 }, 3);
        driver.report([{ ...failed("a"), away: true }, ready("b"), ready("c")]);
        return play;
      },
    ],
    [
      "a budget that is exceeded once those that were away are acknowledged",
      "budget",
      true,
      () => {
        const [play, driver] = running({ ...onFailure, maxFailures: 0 });
        driver.report([{ ...failed("a"), away: true }]);
        const on = play.drives(resume(), 1);
        on.open(0);
        on.report([failed("b")]);
        return play;
      },
    ],
    [
      "a kill",
      "interrupted",
      false,
      () => {
        const [play] = soaking(onFailure);
        play.do(abandon("rollout-1"));
        return play;
      },
    ],
    [
      "a cancelled drive",
      "interrupted",
      false,
      () => {
        const [play] = soaking(onFailure);
        play.do(interrupt("rollout-1"));
        return play;
      },
    ],
    [
      "an operator's Pause",
      "operator",
      false,
      () => {
        const [play] = soaking(onFailure);
        play.do(pause());
        return play;
      },
    ],
    [
      "a regression, and an operator's Pause before what is in flight has settled",
      "regression",
      false,
      () => {
        const [play, driver] = inSecond(onFailure);
        broke(play, "a");
        play.do(pause());
        driver.report([ready("d")]);
        return play;
      },
    ],
    [
      "a failure while an operator's Pause waits",
      "budget",
      false,
      () => {
        const [play, driver] = running({ ...onFailure, maxFailures: 0 });
        play.do(pause());
        driver.report([failed("a")]);
        return play;
      },
    ],
    [
      "a freeze",
      "freeze",
      false,
      () => {
        const [play] = soaking(onFailure);
        play.do({ type: "freeze", id: "freeze-1", reason: "why" });
        passes(play);
        return play;
      },
    ],
    [
      "a retry that failed again",
      "failure",
      false,
      () => {
        const [play, driver] = running(onFailure, 3);
        driver.report([failed("a"), ready("b"), ready("c")]);
        const retry = play.drives(retryFailed({ resume: true }));
        retry.open(0);
        retry.report([failed("a")]);
        return play;
      },
    ],
    [
      "a regression after a retry that came up",
      "regression",
      true,
      () => {
        const [play, driver] = running(onFailure, 3);
        driver.report([failed("a"), ready("b"), ready("c")]);
        const retry = play.drives(retryFailed({ resume: true }));
        retry.open(0);
        retry.report([ready("a")]);
        broke(play, "a");
        return play;
      },
    ],
  ];

  it.each(stories)("after %s (%s): %s", (_, kind, rollsBack, story) => {
    const play = story();
    expect(kindOf(play)).toBe(kind);
    const expected = { rolloutId: play.head.rolloutId, pausedMs: play.head.sinceMs };
    expect(play.last?.rollsBack).toEqual(rollsBack ? expected : undefined);
  });

  const itself = (play: Play, ofPause = play.head.sinceMs): Event => ({
    ...beginRollback("by itself"),
    ofPause,
    seen: { rolloutId: play.head.rolloutId },
  });

  it("reverts all that took the image, who regressed included", () => {
    const [play] = soaking(onFailure);
    broke(play, "a");
    play.now += 5;
    const back = play.drives(itself(play) as never);
    back.open(0);
    expect([...back.flying.keys()].sort()).toEqual(["a", "b", "c"]);
    back.report(["a", "b", "c"].map(reverted));
    expect(play.phase).toBe("cancelled");
  });

  it("never follows a Resume of the same pause, nor is done twice", () => {
    const [play] = soaking(onFailure);
    broke(play, "a");
    const late = itself(play);
    play.now += 5;
    play.do(resume());
    expect(() => play.do(late)).toThrow("RollbackAll is not legal");
    play.now += 5;
    broke(play, "b");
    expect(kindOf(play)).toBe("regression");
    // It is another pause by now.
    expect(() => play.do(late)).toThrow("RollbackAll is not legal");
    const own = itself(play);
    play.drives(own as never).open(0);
    expect(() => play.do(own)).toThrow("RollbackAll is not legal");
    const [other] = soaking(onFailure);
    broke(other, "a");
    const overtaken = itself(other);
    other.do(cancel());
    expect(() => other.do(overtaken)).toThrow("RollbackAll is not legal");
  });

  it("is not asked for where nothing asks for it", () => {
    const [play] = soaking();
    broke(play, "a");
    expect(play.last?.rollsBack).toBeUndefined();
  });

  it("is a moment of its own: the pause of another rollout is none of this one's", () => {
    const [play] = soaking(onFailure);
    broke(play, "a");
    expect(play.head.sinceMs).toBeGreaterThanOrEqual(NOW);
    const event = { ...itself(play), seen: { rolloutId: "another" } } as Event;
    expect(() => play.do(event)).toThrow();
  });
});
