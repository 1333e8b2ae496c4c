import { describe, expect, it } from "vitest";
import type { Event } from "../../src/domain/event.ts";
import type { Limits } from "../../src/domain/state.ts";
import { soaksOf } from "../../src/domain/waves.ts";
import {
  abandon,
  abort,
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
} from "./machines.ts";
import type { Speaker } from "./speaker.ts";

const FLEET: [string, string][][] = [
  [
    ["a", "v1"],
    ["b", "v1"],
  ],
  [["c", "v1"]],
];
const SOAK_MS = 60_000;
const LIMITS: Limits = { soakSeconds: [60, 30] };

/** In its first wave. */
function running(limits: Limits = LIMITS): [Play, Speaker] {
  const play = new Play();
  const driver = play.drives({ ...begin("rollout-1", FLEET), limits });
  driver.open(0);
  return [play, driver];
}

/** Its first wave has its results. */
function soaking(limits: Limits = LIMITS): [Play, Speaker] {
  const [play, driver] = running(limits);
  driver.report([ready("a"), ready("b")]);
  return [play, driver];
}

function ends(play: Play, untilMs = play.head.soakUntilMs ?? 0): Event {
  return { type: "soakEnds", rolloutId: play.head.rolloutId, untilMs };
}

/** Its time passes, and the message comes. */
function passes(play: Play): void {
  play.now = play.head.soakUntilMs ?? play.now;
  play.do(ends(play));
}

const soakOf = ({ head: { soakUntilMs, soakLeftMs } }: Play) => ({ soakUntilMs, soakLeftMs });

describe("a soak", () => {
  it("begins with a wave's last result and not before, and the next wave after it", () => {
    const [play, driver] = running();
    driver.report([ready("a")]);
    expect(soakOf(play)).toEqual({});
    driver.report([ready("b")]);
    expect(play.told).toEqual(["wave completed"]);
    expect(play.last?.notifications).toMatchObject([{ soak: { untilMs: NOW + SOAK_MS, ms: SOAK_MS } }]);
    expect(play.last?.soaks).toEqual({
      ...{ rolloutId: play.head.rolloutId, untilMs: NOW + SOAK_MS, inMs: SOAK_MS },
    });
    expect(play.head).toMatchObject({ state: "in_progress", currentWave: 0, soakUntilMs: NOW + SOAK_MS });
    expect(play.last?.answer.driver?.wave).toBeUndefined();
    passes(play);
    expect(play.told).toEqual(["wave started"]);
    expect(driver.rung).toBe(true);
    expect(driver.report().driver?.wave).toMatchObject({ number: 2 });
    expect(soakOf(play)).toEqual({});
  });

  it("comes after the last wave, too, and the rollout is completed at its end", () => {
    const [play, driver] = soaking();
    passes(play);
    driver.open(1);
    driver.report([ready("c")]);
    expect(play.told).toEqual(["wave completed"]);
    expect(play.head).toMatchObject({ state: "in_progress", soakUntilMs: play.now + 30_000 });
    passes(play);
    expect(play.told).toEqual(["completed"]);
    expect(play.phase).toBe("completed");
    expect(soakOf(play)).toEqual({});
    expect(driver.rung).toBe(true);
    expect(driver.report().driver?.done).toBe(true);
  });

  it("of no seconds is none: the next wave follows at once", () => {
    const [play] = soaking({ soakSeconds: [0, 30] });
    expect(play.told).toEqual(["wave completed", "wave started"]);
    expect(play.last?.soaks).toBeUndefined();
  });

  it("grants nothing, and lets no wave be opened", () => {
    const [play, driver] = soaking();
    expect(driver.report([], { opens: { wave: 1, window: 9 } }).grant).toBeUndefined();
    expect(play.head.currentWave).toBe(0);
  });
});

describe("a wave's own soak", () => {
  it.each([
    [7, 100, [1, 50, 100], [7, 7, 7]],
    [[1, 2, 3], 100, [1, 50, 100], [1, 2, 3]],
    // One sentinel: all of it is the first wave.
    [[1, 2, 3], 1, [1, 50, 100], [1]],
    [7, 1, [1, 50, 100], [7]],
    // The first one is one sentinel, the second one is empty.
    [[1, 2, 3], 2, [1, 50, 100], [1, 3]],
    [[0, 2, 3], 0, [1, 50, 100], []],
  ])("%s of %i sentinels in %s is %s", (asked, total, percentages, soaks) => {
    expect(soaksOf(asked, total, percentages)).toEqual(soaks);
  });
});

describe("the end of a soak", () => {
  it("does not come before its time, if somebody's clock is ahead", () => {
    const [play] = soaking();
    play.now = NOW + SOAK_MS - 40;
    play.do(ends(play));
    expect(play.head).toMatchObject({ currentWave: 0, soakUntilMs: NOW + SOAK_MS });
    expect(play.last?.notifications).toEqual([]);
    expect(play.last?.soaks).toMatchObject({ untilMs: NOW + SOAK_MS, inMs: 40 });
  });

  it("of another soak, or of another rollout, changes nothing", () => {
    const [play] = soaking();
    const before = play.kv;
    play.now = NOW + 2 * SOAK_MS;
    play.do(ends(play, NOW + SOAK_MS - 1));
    play.do({ ...ends(play), rolloutId: "another" } as Event);
    expect(play.kv).toEqual(before);
    expect(play.last?.answer.accepted).toBe(false);
  });

  it("that is told twice ends one soak", () => {
    const [play] = soaking();
    const event = ends(play);
    passes(play);
    const after = play.kv;
    play.do(event);
    expect(play.kv).toEqual(after);
    expect(play.told).toEqual([]);
  });

  it("in a freeze pauses the rollout, and a Resume does not soak again", () => {
    const [play] = soaking();
    play.do({ type: "freeze", id: "freeze-1", reason: "why", operator: "alice" });
    expect(play.head.state).toBe("in_progress");
    passes(play);
    expect(play.told).toEqual(["paused"]);
    expect(play.head).toMatchObject({ pauseKind: "freeze", soakLeftMs: 0, currentWave: 0 });
    play.do({ type: "unfreeze" });
    play.do(resume());
    expect(play.told).toEqual(["resumed", "wave started"]);
    expect(play.head).toMatchObject({ state: "in_progress", currentWave: 1 });
    expect(soakOf(play)).toEqual({});
  });

  it("in a freeze completes the rollout where it was the last wave", () => {
    const [play, driver] = soaking();
    passes(play);
    driver.open(1);
    driver.report([ready("c")]);
    play.do({ type: "freeze", id: "freeze-1", reason: "why" });
    passes(play);
    expect(play.phase).toBe("completed");
  });
});

describe("what interrupts a soak", () => {
  const LEFT_MS = 25_000;
  const interruptions: [string, (play: Play) => unknown, string][] = [
    ["a Pause", (play) => play.do(pause()), "operator"],
    ["a cancelled drive", (play) => play.do(interrupt("rollout-1")), "interrupted"],
    ["a killed drive", (play) => play.do(abandon("rollout-1")), "interrupted"],
  ];
  it.each(interruptions)(
    "%s stops its clock at once, and Resume goes on with what is left",
    (_, stop, kind) => {
      const [play] = soaking();
      const first = ends(play);
      play.now = NOW + SOAK_MS - LEFT_MS;
      stop(play);
      expect(play.told).toEqual(["paused"]);
      expect(play.head).toMatchObject({ state: "paused", pauseKind: kind, soakLeftMs: LEFT_MS });
      expect(play.head.soakUntilMs).toBeUndefined();
      // A pause of an hour.
      play.now += 3_600_000;
      play.do(first);
      expect(play.head).toMatchObject({ state: "paused", soakLeftMs: LEFT_MS });
      play.do(resume());
      expect(play.last?.soaks).toMatchObject({ untilMs: play.now + LEFT_MS, inMs: LEFT_MS });
      expect(play.head).toMatchObject({ state: "in_progress", soakUntilMs: play.now + LEFT_MS });
      expect(play.head.soakLeftMs).toBeUndefined();
      play.do(first);
      expect(play.head.currentWave).toBe(0);
      // And once more.
      play.now += 5_000;
      play.do(abandon("resume-1"));
      expect(play.head.soakLeftMs).toBe(LEFT_MS - 5_000);
      const on = play.drives(resume("resume-2"));
      passes(play);
      expect(play.head.currentWave).toBe(1);
      on.open(1);
      on.report([ready("c")]);
      // The next wave's is whole.
      expect(play.last?.soaks?.inMs).toBe(30_000);
    },
  );

  it("that comes when its time is up already leaves nothing of it, and less than nothing never", () => {
    const [play] = soaking();
    play.now = NOW + SOAK_MS + 500;
    play.do(pause());
    expect(play.head.soakLeftMs).toBe(0);
    play.do(resume());
    expect(play.told).toEqual(["resumed", "wave started"]);
  });

  it.each([
    ["Cancel", cancel()],
    ["Abort", abort()],
  ])("%s ends it at once", (_, event) => {
    const [play, driver] = soaking();
    const late = ends(play);
    play.do(event);
    expect(["cancelled", "rolling_back"]).toContain(play.phase);
    expect(soakOf(play)).toEqual({});
    expect(driver.rung).toBe(true);
    const { kv } = play;
    play.now = NOW + SOAK_MS;
    play.do(late);
    expect(play.kv).toEqual(kv);
  });

  it.each([
    ["Cancel", cancel()],
    ["RollbackAll", beginRollback()],
    ["Abort", abort()],
  ])("a pause in it is over with %s", (_, event) => {
    const [play] = soaking();
    play.do(pause());
    play.do(event);
    expect(soakOf(play)).toEqual({});
  });
});

describe("a wave with failures", () => {
  it("that pauses it soaks in full once it is resumed, before the next one", () => {
    const [play, driver] = running();
    driver.report([ready("a"), failed("b")]);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "failure" });
    expect(soakOf(play)).toEqual({});
    play.now += 500_000;
    play.do(resume());
    expect(play.head).toMatchObject({ currentWave: 0, soakUntilMs: play.now + SOAK_MS });
    passes(play);
    expect(play.head.currentWave).toBe(1);
  });

  it("that was interrupted in its middle soaks in full", () => {
    const [play, driver] = running();
    driver.report([ready("a")]);
    play.do(pause());
    driver.report([ready("b")]);
    expect(play.told).toEqual(["wave completed", "paused"]);
    expect(soakOf(play)).toEqual({});
    play.do(resume());
    expect(play.head.soakUntilMs).toBe(play.now + SOAK_MS);
  });

  it("and is retried soaks once all of it has come up", () => {
    const [play, driver] = running();
    driver.report([ready("a"), failed("b")]);
    const retry = play.drives(retryFailed({ resume: true }));
    retry.open(0);
    retry.report([ready("b")]);
    expect(play.told).toEqual(["wave completed"]);
    expect(play.head.soakUntilMs).toBe(play.now + SOAK_MS);
  });
});

describe("a retry of a wave that has soaked", () => {
  const budgeted = { ...LIMITS, maxFailures: 1 };
  function interruptedAt(leftMs: number): Play {
    const [play, driver] = running(budgeted);
    driver.report([ready("a"), failed("b")]);
    play.now += SOAK_MS - leftMs;
    play.do(pause());
    return play;
  }

  it.each([
    ["a half", SOAK_MS / 2],
    ["all", 0],
  ])("for %s of its time goes on with what is left", (_, leftMs) => {
    const play = interruptedAt(leftMs);
    const retry = play.drives(retryFailed({ resume: true }));
    retry.open(0);
    expect(play.head.soakLeftMs).toBe(leftMs);
    retry.report([ready("b")]);
    if (leftMs === 0) expect(play.head.currentWave).toBe(1);
    else expect(play.head.soakUntilMs).toBe(play.now + leftMs);
  });

  it("keeps what is left where it only pauses again, whatever it came to", () => {
    for (const result of [ready("b"), failed("b")]) {
      const play = interruptedAt(SOAK_MS / 2);
      const retry = play.drives(retryFailed());
      retry.open(0);
      play.now += 9_000;
      retry.report([result]);
      expect(play.head).toMatchObject({ state: "paused", soakLeftMs: SOAK_MS / 2 });
      play.do(resume("resume-2"));
      expect(play.head.soakUntilMs).toBe(play.now + SOAK_MS / 2);
    }
  });
});

describe("a change of a soak that is killed", () => {
  it("before its end leaves the end to come again", () => {
    const [play] = soaking();
    play.now = NOW + SOAK_MS;
    const event = ends(play);
    const { writes } = play.do(event, 0);
    play.do(event);
    expect(play.head.currentWave).toBe(1);
    for (let cut = 1; cut <= writes.length; cut++) {
      const [other, driver] = soaking();
      other.now = NOW + SOAK_MS;
      const killed = other.do(event, cut);
      // Whoever is rung without a grant is so before anything is written.
      for (const ring of killed.rings) driver.hear(ring);
      other.do(event);
      driver.report();
      expect(driver.open(1).grant?.items, `after ${cut} writes`).toMatchObject([{ id: "c" }]);
    }
  });
});
