import { describe, expect, it } from "vitest";
import { lanesOf } from "../../src/domain/progress.ts";
import { Crew } from "./fleet.ts";
import { abandon, beginRollback, cancel, interrupt, Play, ready } from "./machines.ts";

/** Granted, and nobody has said yet that it is launched: of all lanes, and of those that still fill. */
const unsaid = (play: Play) => lanesOf(play.drive).reduce((sum, { launching }) => sum + launching, 0);
const filling = (play: Play) =>
  lanesOf(play.drive).reduce((sum, { launching, fills }) => sum + (fills ? launching : 0), 0);
const grants = (play: Play) => lanesOf(play.drive).reduce((sum, lane) => sum + lane.grants, 0);

describe.each([
  ["a small window", 100, 20],
  ["a wide window", 3_000, 3_000],
])("the launching, with %s", (_, size, window) => {
  it("never has more than 32 granted to lanes that fill, nor more in flight than the window, nor more than 128 on a lane", () => {
    const play = new Play();
    const crew = Crew.of(play, size, window);
    for (let n = 0; n < 400 && play.phase === "in_progress"; n++) {
      expect(filling(play)).toBeLessThanOrEqual(32);
      expect(crew.flying).toBeLessThanOrEqual(window);
      expect(play.numbers.inFlight).toBeLessThanOrEqual(window);
      for (const lane of crew.lanes) expect(lane.flying.size).toBeLessThanOrEqual(128);
      const lane = crew.lanes.find(({ tells, rung }) => tells || rung);
      if (lane !== undefined) crew.say(lane);
      else crew.settle(16);
    }
    expect(crew.launched).toBeGreaterThanOrEqual(Math.min(size, window));
  });

  it.each([
    ["Cancel", (play: Play) => play.do(cancel())],
    ["an interruption", (play: Play) => play.do(interrupt("rollout-1"))],
    ["a killed drive", (play: Play) => play.do(abandon("rollout-1"))],
    [
      "a lost lane",
      (play: Play) => play.do({ type: "laneLost", rolloutId: play.head.rolloutId, lane: 1, reason: "lost" }),
    ],
  ])("%s ends the granting, at any moment, and at most 32 are launched after it", (_, stop) => {
    for (let moment = 0; moment < 12; moment++) {
      const play = new Play();
      const crew = Crew.of(play, size, window);
      for (let n = 0; n < moment; n++) {
        const lane = crew.lanes.find(({ tells, rung }) => tells || rung);
        if (lane !== undefined) crew.say(lane);
        else crew.settle(8);
      }
      const before = crew.launched;
      const granted = grants(play);
      stop(play);
      const after = () => lanesOf(play.drive).every(({ launching, silent }) => silent || launching <= 32);
      expect(after()).toBe(true);
      crew.calm();
      for (let n = 0; n < 400 && crew.flying > 0; n++) {
        crew.settle(64);
        crew.calm();
        expect(grants(play)).toBeLessThanOrEqual(granted);
      }
      expect(crew.launched - before).toBeLessThanOrEqual(32);
      expect(play.phase).not.toBe("in_progress");
      expect(play.numbers.inFlight).toBe(0);
    }
  });
});

describe("the fence of a Cancel", () => {
  it("is told as soon as no more than 32 are on their way, and a Cancel that need not wait does not", () => {
    let waited = 0;
    for (let moment = 0; moment < 60; moment++) {
      const play = new Play();
      const crew = Crew.of(play, 3_000, 500);
      if (moment % 2 === 0) crew.calm();
      for (let n = 0; n < moment; n++) {
        const lane = crew.lanes.find(({ tells, rung }) => tells || rung);
        if (lane !== undefined) crew.say(lane);
        else crew.settle(200);
      }
      if (play.phase !== "in_progress") break;
      const onTheirWay = unsaid(play);
      const { answer } = play.do({ type: "cancel", fence: "the fence" });
      expect(answer.waits ?? false).toBe(onTheirWay > 32);
      if (!answer.waits) continue;
      waited++;
      expect(play.drive?.fence).toBe("the fence");
      // Every lane that was granted something has been asked, or will say so by itself.
      crew.calm();
      expect(unsaid(play)).toBeLessThanOrEqual(32);
      expect(play.drive?.fence).toBeUndefined();
    }
    expect(waited).toBeGreaterThan(0);
  });
});

describe("a place that is freed", () => {
  it("is granted again with the very report that frees it", () => {
    const play = new Play();
    const crew = Crew.of(play, 100, 20);
    crew.calm();
    expect(crew.flying).toBe(20);
    const ids = [...crew.driver.flying.keys()].slice(0, 10);
    const { grant } = crew.say(crew.driver, ids.map(ready));
    expect(grant?.items.length).toBe(10);
  });

  it("even a single one; on a lane that is all but full once some time has passed", () => {
    for (const [window, full] of [
      [20, false],
      [128, true],
    ] as const) {
      const play = new Play();
      const crew = Crew.of(play, 400, window);
      crew.calm();
      expect(crew.driver.flying.size).toBe(window);
      const answer = crew.say(crew.driver, [...crew.driver.flying.keys()].slice(0, 1).map(ready));
      expect(answer.grant?.items.length).toBe(full ? undefined : 1);
      if (!full) continue;
      expect(answer.againInMs).toBeLessThanOrEqual(250);
      expect(crew.say(crew.driver, [], { due: true }).grant?.items.length).toBe(1);
    }
  });

  it("on one lane is granted to another that waits, through its bell", () => {
    const play = new Play();
    const crew = Crew.of(play, 3_000, 200);
    crew.calm();
    expect(crew.flying).toBe(200);
    expect(crew.lanes.length).toBeGreaterThan(1);
    for (let n = 0; n < 40 && play.phase === "in_progress"; n++) {
      crew.settle(16);
      crew.calm();
      expect(crew.flying).toBeGreaterThan(160);
    }
  });

  it("a wave of any size comes to its end, and so does its rollback", () => {
    const play = new Play();
    const crew = Crew.of(play, 1_000, 300);
    for (let n = 0; n < 1_000 && play.phase === "in_progress"; n++) {
      crew.calm();
      crew.settle(300);
    }
    expect(play.phase).toBe("completed");
    expect(crew.launched).toBe(1_000);
    expect(new Set(crew.lanes.flatMap(({ launched }) => launched.map(({ id }) => id))).size).toBe(1_000);
  });

  it("a rollback reverts each sentinel once", () => {
    const play = new Play();
    const crew = Crew.of(play, 1_000, 300);
    for (let n = 0; n < 20; n++) {
      crew.calm();
      crew.settle(64);
    }
    play.do(cancel());
    const back = new Crew(play, play.drives(beginRollback(), 300));
    back.say(back.driver, [], { opens: { wave: 0, window: 300 } });
    for (let n = 0; n < 1_000 && play.phase === "rolling_back"; n++) {
      for (const each of [crew, back]) each.calm();
      crew.settle(16);
      back.settle(32, "reverted");
    }
    expect(play.phase).toBe("cancelled");
    const ids = back.lanes.flatMap(({ launched }) => launched.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(play.numbers.reverted).toBe(ids.length);
    expect(play.numbers.succeeded).toBe(ids.length);
  });
});
