import { describe, expect, it } from "vitest";
import { numbersOf } from "../../src/domain/progress.ts";
import type { RolloutState } from "../../src/domain/state.ts";
import {
  abandon,
  beginRollback,
  cancel,
  failed,
  gone,
  missed,
  moved,
  Play,
  ready,
  reverted,
  skipped,
} from "./machines.ts";

const wave = { size: 1, succeeded: 0, failed: 0, skipped: 0, reverted: 0 };

/** Five waves, the fourth runs. */
const rollout: RolloutState = {
  rolloutId: "r",
  state: "in_progress",
  image: "sentinel:v2",
  wavePercentages: [20, 40, 60, 80, 100],
  waves: [1, 1, 1, 0, 0].map((succeeded) => ({ ...wave, succeeded })),
  currentWave: 3,
  totalSentinels: 5,
  failures: [],
  skips: [],
  startedAtMs: 0,
  waveStartedAtMs: 1_020_000,
  sinceMs: 1_020_000,
  pauseReason: "",
};

describe("the numbers", () => {
  it("add up at every step of a rollout, its stop and its rollback", () => {
    const play = new Play();
    const adds = () => {
      const {
        total,
        succeeded,
        failed: bad,
        skipped: gone,
        inFlight,
        waiting,
        reverted: back,
      } = play.numbers;
      expect(succeeded + bad + gone + inFlight + waiting).toBe(total);
      expect(back).toBeLessThanOrEqual(succeeded);
    };
    const driver = play.begun();
    adds();
    driver.report([ready("a")]);
    adds();
    driver.open(1);
    adds();
    expect(play.numbers).toMatchObject({ succeeded: 1, inFlight: 2, waiting: 0 });
    driver.report([failed("b")]);
    adds();
    play.do(cancel());
    adds();
    const rollback = play.drives(beginRollback());
    adds();
    rollback.open(0);
    adds();
    expect(play.numbers).toMatchObject({ succeeded: 0, inFlight: 2, failed: 1 });
    rollback.report([reverted("a")]);
    adds();
    play.do(abandon("rollout-1"));
    adds();
    rollback.report();
    rollback.report([reverted("c")]);
    adds();
    expect(play.numbers).toMatchObject({
      total: 3,
      succeeded: 2,
      reverted: 2,
      failed: 1,
      inFlight: 0,
      waiting: 0,
    });
  });

  it("count who took the image as such, while a rollback looks at those of which nobody knows", () => {
    const play = new Play();
    play.second();
    play.do(abandon("rollout-1"));
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report();
    expect(play.numbers).toMatchObject({ total: 3, succeeded: 0, inFlight: 3, waiting: 0 });
    rollback.report([{ id: "a", is: "reverted" }]);
    expect(play.numbers).toMatchObject({ total: 3, succeeded: 1, reverted: 1, inFlight: 2, waiting: 0 });
    const other = new Play();
    other.second();
    other.do(abandon("rollout-1"));
    const back = other.drives(beginRollback(), 2);
    back.open(0);
    back.report();
    expect([...back.flying.keys()].sort()).toEqual(["b", "c"]);
    expect(other.numbers).toMatchObject({ total: 3, succeeded: 1, reverted: 0, inFlight: 2, waiting: 0 });
  });

  it.each([
    [
      "is gone",
      gone,
      ["Rollout"],
      "0 of 1 sentinel reverted, 1 no longer running or on another image since.",
    ],
    [
      "was moved",
      moved,
      ["Rollout"],
      "0 of 1 sentinel reverted, 1 no longer running or on another image since.",
    ],
    ["did not revert", missed, ["Rollout", "RollbackAll"], ""],
  ])(
    "count one as having taken the image that a rollback found to have taken it, and that %s",
    (_, ends, next, text) => {
      const play = new Play();
      play.begun();
      play.do(abandon("rollout-1"));
      const rollback = play.drives(beginRollback());
      rollback.open(0);
      rollback.report([ends("a")]);
      expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 0, targets: 1 });
      expect(play.numbers).toMatchObject({ total: 3, took: 1, succeeded: 1, reverted: 0, waiting: 2 });
      expect(play.view.next).toEqual(next);
      expect(play.view.message).toContain(text);
      const told = play.last?.history.flatMap(({ entry }) => entry.outcomes);
      expect(told).toEqual([{ sentinelId: "a", wave: 1, outcome: "succeeded" }]);
    },
  );

  it("add up after a change that was cut short, anywhere", () => {
    const play = new Play();
    const driver = play.second();
    driver.report([skipped("b")]);
    const last = driver.said([ready("c")], { due: true });
    play.now += 5_000;
    const { writes } = play.do(last, 0);
    for (let cut = 0; cut <= writes.length; cut++) {
      const torn = new Play();
      torn.kv = play.kv;
      torn.now = play.now;
      torn.do(last, cut);
      const { total, succeeded, failed: bad, skipped: gone, inFlight, waiting } = torn.numbers;
      expect(succeeded + bad + gone + inFlight + waiting).toBe(total);
    }
  });

  it("without a drive are those that are recorded", () => {
    expect(numbersOf(rollout, undefined)).toMatchObject({ total: 5, succeeded: 3, inFlight: 0, waiting: 2 });
  });
});
