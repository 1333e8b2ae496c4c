import { describe, expect, it } from "vitest";
import { rollbackScope } from "../../src/domain/next-steps.ts";
import { failedInAll } from "../../src/domain/progress.ts";
import { TALLIES_KEY } from "../../src/domain/state-keys.ts";
import { placesOfFailed, type Tallies } from "../../src/domain/tally.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  IMAGE,
  Play,
  played,
  ready,
  reverted,
  skipped,
  standsDown,
} from "./machines.ts";
import { cancelled, opened, retry, takenOver, V0, V1 } from "./taken-over.ts";

const failedPlaces = (play: Play) => placesOfFailed((play.kv.get(TALLIES_KEY) ?? {}) as Tallies);

describe("a rollout of the image of a cancelled one", () => {
  it("takes over what that one deployed, in parts of its own, and counts its own waves", () => {
    const play = cancelled();
    play.do(retry);
    expect(takenOver(play)).toEqual({
      "rolloutState/taken-over/1": { a: { from: V1, is: "succeeded" } },
      "rolloutState/taken-over/2": { b: { from: V1, is: "succeeded" } },
    });
    expect(play.head).toMatchObject({ totalSentinels: 1, takenOver: { size: 2, reverted: 0 } });
    expect(play.numbers).toMatchObject({ total: 1, succeeded: 0, waiting: 1 });
    expect(play.view.takenOver).toBe(2);
    expect(play.view.message).toContain("RollbackAll will also revert 2 sentinels that an earlier rollout");
  });

  it("counts those of which nobody knows among the waiting, until their rows tell", () => {
    const play = new Play();
    play.second();
    play.do(cancel());
    play.do(begin("rollout-2", [[["b", V1]]]));
    play.do(cancel());
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report();
    const sum = () => {
      const { succeeded, failed, skipped, inFlight, waiting } = play.numbers;
      return succeeded + failed + skipped + inFlight + waiting;
    };
    expect(play.numbers.total).toBe(3);
    expect(sum()).toBe(3);
    rollback.report([{ id: "c", is: "untouched" }, reverted("a")]);
    expect(play.numbers).toMatchObject({ total: 3, succeeded: 1, reverted: 1 });
    expect(sum()).toBe(3);
    rollback.report([{ id: "b", is: "untouched" }]);
    expect(play.phase).toBe("cancelled");
    expect(play.numbers).toMatchObject({ total: 3, succeeded: 1, reverted: 1, inFlight: 0, waiting: 2 });
  });

  it("keeps the old way back of who is deployed again and runs the image, also when its turn never comes", () => {
    const play = cancelled();
    const driver = play.drives(
      begin("rollout-2", [
        [["a", IMAGE]],
        [
          ["b", IMAGE],
          ["c", V0],
        ],
      ]),
    );
    expect(takenOver(play)).toEqual({});
    expect(play.part("1/1")).toEqual({ a: { from: V1, is: "waiting", earlier: true } });
    expect(play.part("2/1")).toEqual({
      b: { from: V1, is: "waiting", earlier: true },
      c: { from: V0, is: "waiting", failedEarlier: true },
    });
    driver.open(0);
    play.do(cancel());
    driver.report([ready("a")]);
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    expect(rollback.launched).toEqual([
      { id: "b", at: "2/1", from: V1, unrecorded: true },
      { id: "a", at: "1/1", from: V1 },
    ]);
    rollback.report([reverted("a"), reverted("b")]);
    expect(play.numbers).toMatchObject({ total: 3, succeeded: 2, reverted: 2, waiting: 1, inFlight: 0 });
  });

  it.each([
    ["stand down", standsDown, { unrecorded: true }],
    ["fail", failed, { earlier: true }],
    ["are skipped", skipped, { earlier: true }],
  ])("reverts those in flight whose Deploys wait for ones of the rollout before, and %s", (_, ends, how) => {
    const play = new Play();
    play.second();
    play.do(cancel());
    const driver = opened(
      play,
      begin("rollout-2", [
        [
          ["b", V1],
          ["c", V0],
        ],
        [["d", V1]],
      ]),
    );
    play.do(cancel());
    const rollback = play.drives(beginRollback());
    expect(play.last?.notifications).toMatchObject([
      { scope: { took: 0, takenOver: 1, inFlight: 2, unknown: 0 } },
    ]);
    rollback.open(0);
    rollback.report([reverted("a")]);
    driver.report([ends("b"), ends("c")]);
    rollback.report();
    expect(rollback.launched.slice(1)).toEqual([
      { id: "b", at: "1/1", from: V1, ...how },
      { id: "c", at: "1/1", from: V0, ...how },
    ]);
    rollback.report([reverted("b"), reverted("c")]);
    expect(play.phase).toBe("cancelled");
    expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 3, targets: 3 });
    expect(play.view.takenOver).toBe(0);
  });

  it("whose beginning is cut short anywhere leaves all of it to be reverted, as its status says", () => {
    const anew = begin("rollout-2", [
      [["a", IMAGE]],
      [
        ["c", V0],
        ["d", V1],
      ],
    ]);
    const copied = () =>
      played((play) => {
        play.kv = cancelled().kv;
        play.do({ type: "copy", rolloutId: play.head.rolloutId, image: IMAGE });
      });
    for (const story of [cancelled, copied]) {
      for (const cut of story().do(anew).writes.keys()) {
        const play = story();
        play.do(anew, cut);
        if (play.head.rolloutId === anew.rolloutId) {
          play.do(abandon());
          const { took, takenOver = 0, unknown } = rollbackScope(play.head, play.drive);
          expect(`${cut}: ${took + takenOver + unknown}`).toBe(`${cut}: 2`);
        }
        expect(play.phase).toBe("cancelled");
        expect(play.view.next).toContain("RollbackAll");
        const rollback = play.drives(beginRollback());
        rollback.open(0);
        expect(`${cut}: ${rollback.launched.map(({ id, from }) => `${id} ${from}`).sort()}`).toBe(
          `${cut}: a ${V1},b ${V1}`,
        );
        rollback.report([reverted("a"), reverted("b")]);
        expect(play.phase).toBe("cancelled");
        expect(play.view).toMatchObject({ takenOver: 0, next: ["Rollout"] });
      }
    }
  });

  it("takes over who was in flight: its row tells", () => {
    const play = new Play();
    play.second();
    play.do(cancel());
    play.do(begin("rollout-2", [[["b", V1]]]));
    expect(takenOver(play)).toMatchObject({
      "rolloutState/taken-over/1": { a: { is: "succeeded" } },
      "rolloutState/taken-over/2": { c: { from: V0, is: "waiting" } },
    });
    expect(play.part("1/1").b).toMatchObject({ earlier: true });
  });

  it("hands it on from one to the next, without writing it anew", () => {
    const play = cancelled();
    opened(play, retry).report([ready("c")]);
    expect(play.phase).toBe("completed");
    const chain = cancelled();
    const driver = opened(chain, begin("rollout-2", [[["c", V0]], [["d", V1]]]));
    driver.report([ready("c")]);
    chain.do(cancel());
    const { writes } = chain.do(begin("rollout-3", [[["d", V1]]]));
    const keys = writes.flatMap((write) => ("clear" in write ? [] : [write.key]));
    expect(keys.filter((key) => key.includes("taken-over"))).toEqual(["rolloutState/taken-over/3"]);
    expect(Object.values(takenOver(chain)).flatMap((part) => Object.keys(part))).toEqual(["a", "b", "c"]);
    expect(chain.head.takenOver).toEqual({ size: 3, reverted: 0 });
  });

  it("remembers who failed in the earlier one, until they have a result in a later one", () => {
    const play = cancelled();
    expect(failedInAll(play.head)).toBe(1);
    // It came up late: it serves the image, and is left out.
    play.do(begin("rollout-2", [[["d", V1]]]));
    expect(play.head.takenOver).toMatchObject({ size: 2, failed: 1 });
    expect(failedInAll(play.head)).toBe(1);
    expect(failedPlaces(play)).toEqual(["0/2"]);
    play.do(cancel());
    // It is deployed again, but its turn does not come; and so once more.
    for (const next of ["rollout-3", "rollout-4"]) {
      play.do(begin(next, [[["d", V1]], [["c", V0]]]));
      expect(play.part("2/1")).toEqual({ c: { from: V0, is: "waiting", failedEarlier: true } });
      expect(play.numbers).toMatchObject({ failed: 0, waiting: 2 });
      expect(failedInAll(play.head)).toBe(1);
      expect(failedPlaces(play)).toEqual(["2/1"]);
      play.do(cancel());
    }
    play.do(begin("rollout-5", [[["d", V1]]]));
    expect(failedInAll(play.head)).toBe(1);
    expect(Object.values(takenOver(play)).flatMap((part) => Object.entries(part))).toContainEqual([
      "c",
      { from: V0, is: "failed" },
    ]);
    play.do(cancel());
    const driver = opened(play, begin("rollout-6", [[["c", V0]]]));
    driver.report([ready("c")]);
    expect(failedInAll(play.head)).toBe(0);
    expect(failedPlaces(play)).toEqual([]);
  });

  it("leaves out who was reverted", () => {
    const play = cancelled();
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    rollback.report([reverted("b")]);
    play.do({ type: "abandon", invocationId: "rollback-1", reason: "killed" });
    play.do(
      begin("rollout-2", [
        [
          ["b", V1],
          ["c", V0],
        ],
      ]),
    );
    expect(Object.values(takenOver(play))).toEqual([{ a: { from: V1, is: "succeeded" } }]);
  });

  it("of another image, or after one that was completed, starts afresh", () => {
    for (const [story, image] of [
      [cancelled, "sentinel:v3"],
      [() => played((play) => play.second().report([ready("b"), ready("c")])), IMAGE],
    ] as const) {
      const play = story();
      play.do(begin("rollout-2", [[["c", V0]]], image));
      expect(takenOver(play)).toEqual({});
      expect(play.head.takenOver).toBeUndefined();
    }
  });

  it("of a large fleet is prepared, and merged, a few parts at a time", () => {
    const fleet = Array.from({ length: 20 }, (_, i): [string, string][] => [[`s${i + 10}`, V1]]);
    const play = new Play();
    const driver = play.drives(begin("rollout-1", fleet));
    for (const i of fleet.keys()) {
      driver.open(i);
      if (i < 19) driver.report([ready(`s${i + 10}`)]);
    }
    driver.report([failed("s29")]);
    play.do(cancel());
    const rolloutId = play.head.rolloutId;
    const steps = [0, 0, 0].map(() => play.do({ type: "copy", rolloutId, image: IMAGE }).answer.left);
    expect(steps).toEqual([12, 4, 0]);
    expect(play.view.takenOver).toBe(0);
    const again = begin("rollout-2", [fleet.map(([[id = ""] = []]): [string, string] => [id, IMAGE])]);
    const { writes } = play.do({ ...again, parts: [] });
    expect(writes.filter((write) => !("clear" in write) && write.key.includes("taken-over"))).toEqual([]);
    expect(play.head.takenOver).toEqual({ size: 19, reverted: 0, failed: 1 });
    const stage = { type: "stage", rolloutId: again.rolloutId, at: "1/1" } as const;
    expect(play.do({ ...stage, part: again.parts[0] ?? {} }).answer.again).toBe(true);
    expect(play.head.takenOver).toEqual({ size: 11, reverted: 0, failed: 1 });
    expect(play.do({ ...stage, part: {} }).answer.again).toBe(true);
    expect(play.do({ ...stage, part: {} }).answer.again).toBeUndefined();
    expect(play.head.takenOver).toEqual({ size: 0, reverted: 0, again: 19, failed: 1 });
    const entries = Object.entries(play.part("1/1"));
    expect(entries.map(([, { from }]) => from)).toEqual(fleet.map(() => V1));
  });
});
