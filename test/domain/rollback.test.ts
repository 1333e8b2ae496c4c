import { describe, expect, it } from "vitest";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  gone,
  interrupt,
  missed,
  moved,
  Play,
  played,
  ready,
  reverted,
  skipped,
} from "./machines.ts";

const FORWARD = "rollout-1";
const ROLLBACK = "rollback-1";
const a = { id: "a", at: "1/1", from: "sentinel:v1" };
const b = { id: "b", at: "2/1", from: "sentinel:v1" };
const c = { id: "c", at: "2/1", from: "sentinel:v0" };

/** Two sentinels took the image, `b` failed. */
const paused = () => played((play) => play.second().report([ready("c"), failed("b")]));
const rollsBack = (play: Play, id = ROLLBACK) => {
  const driver = play.drives(beginRollback(id));
  driver.open(0);
  return driver;
};

describe("RollbackAll", () => {
  it("reverts who took the image, newest first, each to its own previous image, and nobody who failed", () => {
    const play = paused();
    const rollback = play.drives(beginRollback());
    expect(play.last?.watch).toBe(ROLLBACK);
    expect(play.last?.notifications).toMatchObject([{ kind: "rollback started", scope: { took: 2 } }]);
    rollback.open(0);
    expect(rollback.launched).toEqual([c, a]);
  });

  it("launches nothing before its driver has opened it, and nothing of the drive before it", () => {
    const play = new Play();
    const driver = play.drives(begin());
    driver.open(0);
    play.do(cancel());
    const rollback = play.drives(beginRollback());
    rollback.report([], { due: true });
    driver.report([ready("a")]);
    expect(rollback.launched).toEqual([]);
    rollback.open(0);
    expect(rollback.launched.map(({ id }) => id)).toEqual(["a"]);
  });

  it("records on the way, and who is recorded once is no target again", () => {
    const play = paused();
    const rollback = rollsBack(play);
    rollback.report([reverted("c")]);
    expect(play.numbers).toMatchObject({ reverted: 1, succeeded: 1, inFlight: 1 });
    play.do(abandon(ROLLBACK));
    expect(play.part("2/1")).toMatchObject({ b: { is: "failed" }, c: { is: "reverted" } });
    expect(rollsBack(play, "again").launched).toEqual([a]);
  });

  it("called again is left with those that did not revert, and says how many", () => {
    const play = paused();
    rollsBack(play).report([reverted("c"), missed("a", "no row")]);
    expect(play.phase).toBe("cancelled");
    expect(play.last?.answer.driver?.rollback).toEqual({
      invocationId: ROLLBACK,
      reverted: 1,
      targets: 2,
      ...{ skipped: 0, moved: 0, skips: [] },
      failures: [{ id: "a", reason: "no row" }],
    });
    play.drives(beginRollback("again"));
    expect(play.last?.notifications).toMatchObject([{ kind: "rollback started", scope: { took: 1 } }]);
  });

  it("tells those apart who can never be reverted, remembers why they stay, and looks at them when called again", () => {
    const play = paused();
    rollsBack(play).report([gone("c"), moved("a")]);
    expect(play.last?.answer.driver?.rollback).toMatchObject({
      ...{ reverted: 0, targets: 2, skipped: 1, moved: 1 },
      failures: [{ id: "a", reason: "a was moved" }],
      skips: [{ id: "c", reason: "c is archived" }],
    });
    expect(play.last?.notifications).toMatchObject([
      { kind: "rollback completed", failed: 2, skipped: 1, moved: 1 },
    ]);
    expect(play.part("1/1")).toEqual({
      a: { from: "sentinel:v1", is: "succeeded", stays: "moved", why: "a was moved" },
    });
    expect(play.part("2/1")).toMatchObject({ c: { is: "succeeded", stays: "gone" } });
    expect(play.head.stay).toBe(2);
    expect(play.numbers).toMatchObject({ succeeded: 2, reverted: 0, failed: 1, skipped: 0 });
    const again = rollsBack(play, "again");
    expect(again.launched).toEqual([c, a]);
    again.report([reverted("c"), moved("a")]);
    expect(play.part("2/1").c).toEqual({ from: "sentinel:v0", is: "reverted" });
    expect(play.head.stay).toBe(1);
  });

  it("of a killed wave looks at who was never recorded, too", () => {
    const play = new Play();
    play.second().report([failed("b")]);
    play.do(abandon(FORWARD));
    const rollback = rollsBack(play);
    expect(rollback.launched).toEqual([{ ...c, unrecorded: true }, a]);
    rollback.report([reverted("c"), reverted("a")]);
    expect(play.head.waves[1]).toMatchObject({ succeeded: 1, reverted: 1, failed: 1 });
    expect(play.numbers).toMatchObject({ succeeded: 2, reverted: 2, failed: 1, waiting: 0 });
  });

  it("records who failed without a record, and leaves it alone", () => {
    const play = new Play();
    play.second();
    play.do(abandon(FORWARD));
    const rollback = rollsBack(play);
    rollback.report([{ id: "c", is: "failed", why: "broken" }, { id: "b", is: "untouched" }, reverted("a")]);
    expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 1, targets: 1 });
    expect(play.part("2/1").c).toEqual({ from: "sentinel:v0", is: "failed", why: "broken" });
    expect(play.numbers).toMatchObject({ succeeded: 1, reverted: 1, failed: 1, inFlight: 0 });
  });

  it("does not count who was never recorded and never took it", () => {
    const play = new Play();
    play.second();
    play.do(abandon(FORWARD));
    const rollback = rollsBack(play);
    rollback.report([{ id: "c", is: "untouched" }, { id: "b", is: "untouched" }, reverted("a")]);
    expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 1, targets: 1 });
    expect(play.part("2/1")).toMatchObject({ b: { is: "waiting" }, c: { is: "waiting" } });
  });

  it("skipped sentinels are left alone", () => {
    const play = new Play();
    play.second().report([skipped("b"), failed("c")]);
    expect(rollsBack(play).launched).toEqual([a]);
  });

  it("while Deploys are in flight begins with the recorded, and takes up the rest as it settles", () => {
    const play = new Play();
    const driver = play.second();
    play.do(cancel());
    const rollback = rollsBack(play);
    expect(rollback.launched).toEqual([a]);
    rollback.report([reverted("a")]);
    expect(play.phase).toBe("rolling_back");
    driver.report([ready("b")]);
    expect(rollback.rung).toBe(true);
    rollback.report();
    expect(rollback.launched).toEqual([a, b]);
    rollback.report([reverted("b")]);
    driver.report([failed("c")]);
    expect(play.phase).toBe("cancelled");
    expect(play.numbers).toMatchObject({ succeeded: 2, reverted: 2, failed: 1, waiting: 0, inFlight: 0 });
  });

  it("reverts nobody twice who settles before it has begun to look", () => {
    const play = new Play();
    const driver = play.second();
    play.do(cancel());
    const rollback = play.drives(beginRollback());
    driver.report([ready("b"), ready("c")]);
    rollback.open(0);
    expect(rollback.launched.map(({ id }) => id)).toEqual(["c", "b", "a"]);
  });

  it.each([
    ["is cancelled", (play: Play) => play.do(interrupt(FORWARD)), false],
    ["is killed", (play: Play) => play.do(abandon(FORWARD)), true],
  ])("looks at what was in flight when the drive that settles %s", (_, happens, gone) => {
    const play = new Play();
    play.second();
    play.do(cancel());
    const rollback = rollsBack(play);
    rollback.report([reverted("a")]);
    happens(play);
    expect(play.phase).toBe("rolling_back");
    if (gone) rollback.report();
    const late = rollback.launched.slice(1);
    expect(late).toEqual(gone ? [b, c].map((item) => ({ ...item, unrecorded: true })) : []);
  });

  it("does not wait for a drive that does not answer", () => {
    const play = new Play();
    play.second();
    play.do(cancel());
    const silent = [{ invocationId: FORWARD, sinceMs: 0, why: "it is paused" }];
    const rollback = play.drives({ ...beginRollback(), silent });
    rollback.open(0);
    expect(rollback.launched).toEqual([{ ...c, unrecorded: true }, { ...b, unrecorded: true }, a]);
    rollback.report([reverted("c"), { id: "b", is: "untouched" }, reverted("a")]);
    expect(play.phase).toBe("cancelled");
  });

  it("does not wait for one that stops to answer meanwhile, and may never launch what it was granted", () => {
    const play = new Play();
    const driver = play.drives(begin());
    play.do(driver.said([], { opens: { wave: 0, window: 9 } }));
    play.do(cancel());
    const rollback = rollsBack(play);
    expect(play.numbers).toMatchObject({ inFlight: 1 });
    const silent = [{ invocationId: FORWARD, sinceMs: 0, why: "it is paused" }];
    play.do({ type: "silent", rolloutId: play.head.rolloutId, silent });
    rollback.report();
    expect(rollback.launched).toEqual([{ ...a, unrecorded: true }]);
    rollback.report([{ id: "a", is: "untouched" }]);
    expect(play.phase).toBe("cancelled");
  });

  it("ends in cancelled and tells its numbers and how long it took", () => {
    const play = paused();
    play.now = 10_000;
    const rollback = rollsBack(play);
    play.now = 25_000;
    rollback.report([reverted("c"), missed("a")]);
    expect(play.phase).toBe("cancelled");
    expect(play.last?.notifications).toMatchObject([
      { kind: "rollback completed", reverted: 1, targets: 2, failed: 1, durationMs: 15_000 },
    ]);
  });

  it("killed ends in cancelled, too, with what it had recorded", () => {
    const play = paused();
    rollsBack(play).report([reverted("c")]);
    play.do(abandon(ROLLBACK));
    expect(play.phase).toBe("cancelled");
    expect(play.drive?.rollback).toBeUndefined();
    expect(play.last?.notifications).toMatchObject([
      { kind: "rollback completed", reverted: 1, interruption: "killed" },
    ]);
  });

  it("interrupted tells of all that it set out to revert", () => {
    const targets = (story: (play: Play) => void) => {
      const play = new Play();
      const driver = play.second();
      driver.report([ready("b"), failed("c")]);
      story(play);
      expect(play.phase).toBe("cancelled");
      return play.last?.notifications;
    };
    const told = { kind: "rollback completed", reverted: 1, targets: 2, failed: 1 };
    expect(
      targets((play) => {
        rollsBack(play).report([reverted("b")]);
        play.do(abandon(ROLLBACK));
      }),
    ).toMatchObject([{ ...told, interruption: "killed" }]);
    expect(
      targets((play) => {
        const rollback = play.drives(beginRollback(), 1);
        rollback.open(0);
        play.do(interrupt(ROLLBACK));
        rollback.report([reverted("b")]);
      }),
    ).toMatchObject([{ ...told, interruption: "cancelled in the UI" }]);
  });

  it("cancelled ends once what is in flight has come back", () => {
    const play = paused();
    const rollback = rollsBack(play);
    play.do(interrupt(ROLLBACK));
    expect(play.phase).toBe("rolling_back");
    rollback.report([reverted("c"), reverted("a")]);
    expect(play.phase).toBe("cancelled");
    expect(play.last?.notifications).toMatchObject([{ reverted: 2, interruption: "cancelled in the UI" }]);
  });

  it("killed while Deploys are in flight leaves their drive to settle", () => {
    const play = new Play();
    const driver = play.second();
    play.do(cancel());
    rollsBack(play);
    play.do(abandon(ROLLBACK));
    expect(play.phase).toBe("cancelled");
    expect(play.drive?.forward).toMatchObject({ invocationId: FORWARD });
    driver.report([ready("b"), ready("c")]);
    expect(play.drive?.forward).toBeUndefined();
    expect(play.head.waves[1]).toMatchObject({ succeeded: 2 });
  });

  it("whose beginning was cut short is over, and says so", () => {
    const play = paused();
    const { writes } = play.do(beginRollback(), 0);
    play.do(beginRollback(), writes.findIndex(({ key }) => key === "rolloutState") + 1);
    expect(play.phase).toBe("rolling_back");
    play.do(abandon());
    expect(play.phase).toBe("cancelled");
    expect(play.last?.notifications).toMatchObject([{ kind: "rollback completed", interruption: "killed" }]);
    expect(rollsBack(play).launched).toEqual([c, a]);
  });
});
