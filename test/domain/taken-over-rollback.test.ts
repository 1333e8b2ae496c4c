import { describe, expect, it } from "vitest";
import { howManyToRevert } from "../../src/domain/next-steps.ts";
import { failedInAll } from "../../src/domain/progress.ts";
import {
  begin,
  beginRollback,
  cancel,
  failed,
  gone,
  IMAGE,
  missed,
  moved,
  Play,
  ready,
  reverted,
  skipped,
} from "./machines.ts";
import { cancelled, opened, retry, takenOver, V0, V1 } from "./taken-over.ts";

const counts = (bad: number) => ({ failed: bad, skipped: 2 - bad });

describe("a rollout of the image of a cancelled one", () => {
  it("is rolled back altogether: its own first, then what it took over; the numbers add up all the time", () => {
    const play = cancelled();
    opened(play, retry).report([ready("c")]);
    expect(play.phase).toBe("completed");
    const again = cancelled();
    opened(again, retry).report([failed("c")]);
    again.drives(beginRollback());
    expect(again.last?.notifications).toMatchObject([
      { kind: "rollback started", scope: { took: 0, takenOver: 2 } },
    ]);
  });

  it("reverts them to what they ran before, once, and is done", () => {
    const play = cancelled();
    const driver = opened(play, begin("rollout-2", [[["c", V0]], [["d", V1]]]));
    driver.report([ready("c")]);
    driver.open(1);
    driver.report([failed("d")]);
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    expect(play.numbers).toMatchObject({ total: 4, succeeded: 1, failed: 1, inFlight: 2 });
    rollback.report([reverted("c"), reverted("b")]);
    expect(play.numbers).toMatchObject({ succeeded: 2, reverted: 2, failed: 1, inFlight: 1 });
    rollback.report([reverted("a")]);
    expect(rollback.launched.map(({ id, from }) => [id, from])).toEqual([
      ["c", V0],
      ["b", V1],
      ["a", V1],
    ]);
    expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 3, targets: 3 });
    expect(play.phase).toBe("cancelled");
    expect(play.head.takenOver).toEqual({ size: 2, reverted: 2 });
    expect(play.view.takenOver).toBe(0);
    const told = play.last?.history.flatMap(({ entry }) => entry.outcomes) ?? [];
    expect(told).toMatchObject([
      { sentinelId: "c", wave: 1, outcome: "reverted" },
      { sentinelId: "b", wave: 0, outcome: "reverted" },
      { sentinelId: "a", wave: 0, outcome: "reverted" },
    ]);
    const none = play.drives(beginRollback("again"));
    none.open(0);
    expect(none.launched).toEqual([]);
  });

  it("says in every number and word of a rollback what it does, those of the earlier rollout included", () => {
    const play = cancelled();
    opened(play, retry).report([failed("c")]);
    expect(play.numbers).toMatchObject({ total: 1, succeeded: 0, failed: 1, reverted: 0 });
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report();
    expect(play.numbers).toMatchObject({ total: 3, succeeded: 0, failed: 1, inFlight: 2, waiting: 0 });
    expect(play.view).toMatchObject({ total: 3, inFlight: 2, failed: 1 });
    expect(play.view.message).toBe(
      "Rolling back: 0 of 2 sentinels reverted so far; 2 of them an earlier rollout of this image deployed.",
    );
    rollback.report([reverted("b")]);
    expect(play.numbers).toMatchObject({ total: 3, succeeded: 1, failed: 1, reverted: 1, inFlight: 1 });
    expect(play.view.message).toContain("1 of 2 sentinels reverted so far");
    rollback.report([reverted("a")]);
    expect(play.phase).toBe("cancelled");
    expect(play.numbers).toMatchObject({ total: 3, succeeded: 2, failed: 1, reverted: 2, inFlight: 0 });
    expect(play.view.message).toBe(
      "Cancelled and rolled back: 2 of 2 sentinels reverted; 2 of them an earlier rollout of this image deployed.",
    );
    expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 2, targets: 2 });
    expect(play.last?.history.at(-1)?.entry.rollout).toMatchObject({
      ...{ total: 3, succeeded: 2, failed: 1, skipped: 0, reverted: 2 },
    });
    expect(play.last?.notifications).toMatchObject([
      {
        kind: "rollback completed",
        reverted: 2,
        targets: 2,
        progress: { total: 3, succeeded: 2, reverted: 2 },
      },
    ]);
  });

  it("offers RollbackAll for one of an earlier rollout of which nobody knows, until its row has told", () => {
    const play = new Play();
    play.begun();
    play.do(cancel());
    play.do(begin("rollout-2", [[["d", V1]]]));
    expect(play.head.takenOver).toEqual({ size: 0, reverted: 0, unknown: 1 });
    play.do(cancel());
    expect(play.view.next).toContain("RollbackAll");
    const rollback = play.drives(beginRollback());
    expect(play.last?.notifications).toMatchObject([{ scope: { took: 0, inFlight: 0 } }]);
    rollback.open(0);
    rollback.report();
    rollback.report([...rollback.flying.keys()].map((id) => ({ id, is: "untouched" })));
    expect(play.phase).toBe("cancelled");
    expect(play.view.next).toEqual(["Rollout"]);
  });

  it("reverts who took the image, was deployed again and failed, or was skipped: once, and as ones that took it", () => {
    for (const ends of [failed, skipped]) {
      const play = cancelled();
      const driver = opened(
        play,
        begin("rollout-2", [
          [
            ["a", IMAGE],
            ["c", V0],
          ],
        ]),
      );
      driver.report([ends("a"), failed("c")]);
      expect(play.phase).toBe("paused");
      const isSkipped = ends === skipped ? { leftOverSkipped: 1 } : {};
      expect(play.head.takenOver).toEqual({ size: 1, reverted: 0, leftOver: 1, ...isSkipped });
      expect(play.numbers).toMatchObject({ total: 2, succeeded: 0, ...counts(ends === failed ? 2 : 1) });
      expect(failedInAll(play.head)).toBe(1);
      expect(play.view.takenOver).toBe(2);
      expect(play.view.next).toContain("RollbackAll");
      const rollback = play.drives(beginRollback());
      expect(play.last?.notifications).toMatchObject([
        { kind: "rollback started", scope: { took: 0, takenOver: 2, inFlight: 0, unknown: 0 } },
      ]);
      rollback.open(0);
      expect(rollback.launched).toEqual([
        { id: "a", at: "1/1", from: V1, earlier: true },
        { id: "b", at: "0/2", from: V1 },
      ]);
      const counted = { total: 3, took: 2, failed: 1, skipped: 0, waiting: 0 };
      expect(play.numbers).toMatchObject({ ...counted, succeeded: 0, inFlight: 2 });
      expect(play.view).toMatchObject({ failures: [{ id: "c" }], skips: [] });
      expect(play.view.message).toContain("0 of 2 sentinels reverted so far; 2 of them an earlier rollout");
      rollback.report([reverted("a")]);
      expect(play.phase).toBe("rolling_back");
      expect(play.numbers).toMatchObject({ ...counted, succeeded: 1, reverted: 1, inFlight: 1 });
      rollback.report([reverted("b")]);
      expect(play.phase).toBe("cancelled");
      expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 2, targets: 2 });
      expect(play.part("1/1").a).toEqual({ from: V1, is: "reverted", earlier: true });
      expect(play.numbers).toMatchObject({ ...counted, succeeded: 2, reverted: 2, inFlight: 0 });
      expect(play.view).toMatchObject({
        takenOver: 0,
        next: ["Rollout"],
        failures: [{ id: "c" }],
        skips: [],
      });
      expect(play.view.message).toBe(
        "Cancelled and rolled back: 2 of 2 sentinels reverted; 2 of them an earlier rollout of this image deployed.",
      );
      const numbers = { total: 3, succeeded: 2, failed: 1, skipped: 0, reverted: 2 };
      expect(play.last?.history.at(-1)?.entry.rollout).toMatchObject(numbers);
      expect(play.last?.notifications).toMatchObject([
        { kind: "rollback completed", reverted: 2, targets: 2, progress: numbers },
      ]);
      expect(failedInAll(play.head)).toBe(1);
      const told = play.last?.history.flatMap(({ entry }) => entry.outcomes) ?? [];
      expect(told).toMatchObject([
        { sentinelId: "a", wave: 1, outcome: "reverted" },
        { sentinelId: "b", wave: 0, outcome: "reverted" },
      ]);
    }
  });

  it("counts who was deployed again in vain and did not revert as one that took it, and tries it again", () => {
    const play = cancelled();
    opened(play, begin("rollout-2", [[["a", IMAGE]], [["c", V0]]])).report([failed("a")]);
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report([missed("a"), reverted("b")]);
    expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 1, targets: 2 });
    expect(play.numbers).toMatchObject({ total: 3, succeeded: 2, reverted: 1, failed: 0, waiting: 1 });
    expect(play.view.next).toContain("RollbackAll");
    const again = play.drives(beginRollback("again"));
    expect(play.last?.notifications).toMatchObject([{ scope: { took: 0, takenOver: 1 } }]);
    again.open(0);
    again.report([reverted("a")]);
    expect(play.numbers).toMatchObject({ total: 3, succeeded: 2, reverted: 2, failed: 0, waiting: 1 });
    expect(play.view.next).toEqual(["Rollout"]);
  });

  it("offers no RollbackAll for one that was deployed again in vain and is gone or on another image since", () => {
    const play = cancelled();
    opened(play, begin("rollout-2", [[["a", IMAGE]], [["c", V0]]])).report([failed("a")]);
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report([gone("a"), moved("b")]);
    expect(play.phase).toBe("cancelled");
    expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 0, targets: 2 });
    expect(play.part("1/1").a).toEqual({
      from: V1,
      is: "failed",
      earlier: true,
      stays: "gone",
      why: "a is archived",
    });
    expect(play.view.next).toEqual(["Rollout"]);
    expect(play.view.message).toContain(
      "0 of 2 sentinels reverted, 2 no longer running or on another image since",
    );
    const again = play.drives(beginRollback("again"));
    again.open(0);
    expect(again.launched.map(({ id }) => id)).toEqual(["a", "b"]);
    again.report([reverted("b"), gone("a")]);
    play.do(begin("rollout-3", [[["c", V0]]]));
    const a = { from: V1, is: "succeeded", stays: "gone", why: "a is archived" };
    expect(Object.values(takenOver(play))).toContainEqual({ a });
    expect(play.head.takenOver).toEqual({ size: 2, reverted: 1, stay: 1, failed: 1 });
  });

  it("tells of those with the end of its rollback", () => {
    const play = cancelled();
    opened(play, begin("rollout-2", [[["d", V1]]])).report([failed("d")]);
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report();
    rollback.report([reverted("a"), reverted("b")]);
    expect(play.last?.notifications).toMatchObject([
      { kind: "rollback completed", progress: { total: 3, failed: 1, failedEarlier: 1 } },
    ]);
    expect(play.view).toMatchObject({ failed: 1, failedEarlier: 1 });
  });

  it("offers no further RollbackAll for those that can never revert, and counts them once", () => {
    const play = cancelled();
    opened(play, retry).report([failed("c")]);
    const first = play.drives(beginRollback());
    first.open(0);
    first.report([gone("a"), moved("b")]);
    expect(play.phase).toBe("cancelled");
    expect(play.view.takenOver).toBe(0);
    expect(play.view.next).toEqual(["Rollout"]);
    expect(play.view.message).not.toContain("RollbackAll");
    expect(play.view.message).toContain("2 no longer running or on another image since");
    const again = play.drives(beginRollback("rollback-2"));
    const [started] = play.last?.notifications ?? [];
    expect(started).toMatchObject({ kind: "rollback started", scope: { took: 0, stay: 2 } });
    const scope = started?.kind === "rollback started" ? started.scope : undefined;
    expect(howManyToRevert(scope ?? { took: -1, inFlight: 0, unknown: 0 })).toBe(
      "0, and 2 that could not be reverted before",
    );
    again.open(0);
    again.report([gone("a")]);
    again.report([reverted("b")]);
    expect(play.phase).toBe("cancelled");
    expect(play.head.takenOver).toMatchObject({ size: 2, reverted: 1, stay: 1 });
  });

  it("knows of those that could not revert in the rollout before, too", () => {
    const play = cancelled();
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report([gone("a"), reverted("b")]);
    play.do(retry);
    expect(play.head.takenOver).toMatchObject({ size: 1, reverted: 0, stay: 1 });
    expect(play.view.takenOver).toBe(0);
    expect(play.view.message).not.toContain("RollbackAll will also revert");
  });

  it("offers RollbackAll for its own, whoever of those taken over cannot revert", () => {
    const play = cancelled();
    const driver = opened(play, begin("rollout-2", [[["c", V0]], [["d", V1]]]));
    driver.report([ready("c")]);
    driver.open(1);
    driver.report([failed("d")]);
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report();
    rollback.report([gone("a"), moved("b")]);
    play.do({ type: "abandon", invocationId: "rollback-1", reason: "killed" });
    expect(play.view.next).toContain("RollbackAll");
    play.drives(beginRollback("rollback-2"));
    expect(play.last?.notifications).toMatchObject([{ scope: { took: 1, stay: 2 } }]);
  });
});
