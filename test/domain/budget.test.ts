import { describe, expect, it } from "vitest";
import { budgetOf, exceeded } from "../../src/domain/limits.ts";
import type { Limits } from "../../src/domain/state.ts";
import { Crew } from "./fleet.ts";
import { abandon, begin, failed, Play, pause, ready, resume, skipped } from "./machines.ts";

describe("a limit", () => {
  it.each([
    [undefined, 500, undefined],
    [0, 500, 0],
    [7, 3, 7],
    ["2%", 500, 10],
    ["2%", 49, 0],
    ["2%", 50, 1],
    ["0.5%", 200, 1],
    ["100%", 3, 3],
    ["0%", 3, 0],
    ["29%", 100, 29],
    ["57%", 100, 57],
  ])("of %s is, of %i, %s", (limit, size, budget) => {
    expect(budgetOf(limit, size)).toBe(budget);
  });
});

function crewOf(play: Play, size: number, window: number, limits: Limits): Crew {
  const crew = Crew.of(play, size, window, limits);
  crew.calm();
  return crew;
}

describe("of 5,000 that all fail", () => {
  it.each([
    [0, 500],
    [10, 500],
    [100, 64],
    [250, 1_000],
  ])("with a budget of %i and %i in flight no more are launched than those and one", (budget, window) => {
    const play = new Play();
    const crew = crewOf(play, 5_000, window, { maxFailures: budget });
    for (let n = 0; n < 2_000 && play.phase === "in_progress"; n++) {
      crew.settle(7, "failed");
      crew.calm();
    }
    expect(crew.launched).toBeLessThanOrEqual(budget + window + 1);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "budget" });
    const { failed: count } = play.numbers;
    expect(play.head.pauseReason).toBe(
      `stopped inside wave 1: ${count} of 5000 failed (budget ${budget}), ${5_000 - count} never touched`,
    );
    expect(play.view).toMatchObject({ phase: "paused", pauseKind: "budget", neverAttempted: 5_000 - count });
  });
});

describe("a budget", () => {
  const two = (limits: Limits): Play => {
    const play = new Play();
    const waves = [
      ["a", "b", "c", "d"],
      ["e", "f"],
    ].map((ids) => ids.map((id): [string, string] => [id, "v1"]));
    const event = { ...begin("rollout-1", waves as never), limits };
    const driver = play.drives(event, 2);
    driver.open(0);
    return play;
  };

  it("that is kept lets a wave with failures be followed by the next, and Slack counts them", () => {
    const play = two({ maxFailures: 1 });
    const [driver] = play.speakers;
    driver?.report([failed("a"), ready("b")]);
    driver?.report([ready("c"), ready("d")]);
    expect(play.last?.notifications).toMatchObject([
      { kind: "wave completed", failed: 1 },
      { kind: "wave started" },
    ]);
    expect(play.head).toMatchObject({ state: "in_progress", currentWave: 1 });
  });

  it("of all waves counts those of the waves before", () => {
    const play = two({ maxTotalFailures: 1 });
    const [driver] = play.speakers;
    driver?.report([failed("a"), ready("b")]);
    driver?.report([ready("c"), ready("d")]);
    driver?.open(1);
    driver?.report([failed("e")]);
    expect(play.view.phase).toBe("pausing");
    driver?.report([ready("f")]);
    expect(play.head).toMatchObject({
      pauseKind: "budget",
      pauseReason: "wave 2/2: 2 of 6 failed in all waves (budget 1)",
    });
  });

  it("does not count those that were skipped, and names apart those whose cluster did not answer", () => {
    const play = two({ maxFailures: 1 });
    const [driver] = play.speakers;
    driver?.report([skipped("a"), { ...failed("b"), away: true }]);
    expect(play.view.phase).toBe("deploying");
    driver?.report([failed("c")]);
    driver?.report([ready("d")]);
    expect(play.head.pauseReason).toBe(
      "wave 1/2: 2 of 4 failed (budget 1), 1 of them as their cluster did not answer",
    );
  });

  it("is stored with its packed results as it was told", () => {
    const play = two({ maxFailures: 3 });
    const [driver] = play.speakers;
    driver?.report([{ ...failed("b"), away: true }]);
    play.do(abandon("rollout-1"));
    expect(play.head.waves[0]).toMatchObject({ failed: 1, away: 1 });
  });

  it("counts anew from a Resume on", () => {
    const play = two({ maxFailures: 0 });
    play.speakers[0]?.report([failed("a"), ready("b")]);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "budget" });
    const driver = play.drives(resume(), 2);
    driver.open(0);
    expect(exceeded(play.head, play.drive)).toBeUndefined();
    expect(play.head.pauseKind).toBeUndefined();
    driver.report([ready("c"), ready("d")]);
    expect(play.head).toMatchObject({ state: "in_progress", currentWave: 1 });
    driver.open(1);
    driver.report([failed("e"), ready("f")]);
    expect(play.head).toMatchObject({ state: "paused", pauseReason: "wave 2/2: 1 of 2 failed (budget 0)" });
  });

  it("that is exceeded while an operator has it pause is what the pause tells", () => {
    const play = two({ maxFailures: 0 });
    play.do({ ...pause(), operator: "alice" });
    expect(play.view.message).toContain("will be paused: alice paused it.");
    play.speakers[0]?.report([failed("a"), ready("b")]);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "budget" });
    expect(play.head.pauseReason).toBe(
      "stopped inside wave 1: 1 of 4 failed (budget 0), 2 never touched; alice paused it",
    );
  });

  it("names of those that are away only those that count", () => {
    const play = two({ maxFailures: 1 });
    const away = { away: true as const };
    play.speakers[0]?.report([
      { ...failed("a"), ...away },
      { ...failed("b"), ...away },
    ]);
    expect(play.head.pauseReason).toContain(
      "2 of 4 failed (budget 1), 2 of them as their cluster did not answer",
    );
    const driver = play.drives(resume(), 2);
    driver.open(0);
    driver.report([failed("c"), failed("d")]);
    expect(play.head.pauseReason).toBe("wave 1/2: 2 of 4 failed (budget 1)");
  });
});

describe("a ramp", () => {
  it("doubles what is in flight as all of it succeeds, and begins with one again when one fails", () => {
    const play = new Play();
    const crew = crewOf(play, 200, 20, { ramp: true, maxFailures: 5 });
    const seen: number[] = [];
    const all = (is: "ready" | "failed") => {
      seen.push(crew.flying);
      crew.settle(crew.flying, is);
      crew.calm();
    };
    for (let n = 0; n < 6; n++) all("ready");
    expect(seen).toEqual([1, 2, 4, 8, 16, 20]);
    crew.settle(1, "failed");
    crew.calm();
    expect(crew.flying).toBe(19);
    // The last of those that were in flight is alone: it counts.
    seen.length = 0;
    crew.settle(16);
    for (let n = 0; n < 3; n++) {
      crew.settle(crew.flying);
      crew.calm();
      seen.push(crew.flying);
    }
    expect(seen).toEqual([2, 4, 8]);
  });

  it("begins with one again by a failure that a row tells of, too", () => {
    const play = new Play();
    const crew = crewOf(play, 200, 20, { ramp: true, maxFailures: 5 });
    for (let n = 0; n < 3; n++) {
      crew.settle(crew.flying);
      crew.calm();
    }
    expect(crew.flying).toBe(8);
    const { rolloutId } = play.head;
    const { lane, flying } = crew.driver;
    const [id = ""] = flying.keys();
    play.do({ type: "found", rolloutId, lane, results: [{ id, at: "1/1", is: "failed", why: "OOMKilled" }] });
    expect(play.drive?.ramp).toEqual({ places: 1, succeeded: 0 });
  });

  it("keeps to the rollout's own limit, in a wave of any size", () => {
    const play = new Play();
    const crew = crewOf(play, 100, 500, { maxInFlight: 3 });
    expect(crew.flying).toBe(3);
    crew.settle(2);
    crew.calm();
    expect(crew.flying).toBe(3);
  });
});
