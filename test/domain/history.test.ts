import { describe, expect, it } from "vitest";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  interrupt,
  NOW,
  Play,
  played,
  ready,
  resume,
  reverted,
  skipped,
} from "./machines.ts";

/** What the last event of a play adds to the history. */
const entries = (play: Play) => play.last?.history.map(({ entry }) => entry) ?? [];
const entry = (play: Play) => entries(play)[0];
const entryOf = (story: (play: Play) => unknown) => entry(played(story));

const paused = (play: Play) => play.second().report([ready("b"), failed("c")]);

describe("the history of a rollout", () => {
  it("begins with who began it, and has no outcome yet", () => {
    expect(entryOf((play) => play.do({ ...begin(), startedBy: "alice" }))).toEqual({
      rollout: {
        rolloutId: "id of rollout-1",
        image: "sentinel:v2",
        state: "in_progress",
        wave: 1,
        waveSizes: [1, 2],
        total: 3,
        succeeded: 0,
        failed: 0,
        skipped: 0,
        reverted: 0,
        pauseReason: "",
        startedAtMs: NOW,
      },
      origin: { invocationId: "rollout-1", startedBy: "alice" },
      outcomes: [],
      atMs: NOW,
    });
    expect(entryOf((play) => play.do(begin()))?.origin).toEqual({ invocationId: "rollout-1" });
  });

  it("gets each result once, in the wave that it is of, with its reason and how long it took", () => {
    expect(entryOf((play) => play.begun().report([{ ...ready("a"), durationMs: 70 }]))).toMatchObject({
      rollout: { wave: 2, succeeded: 1 },
      outcomes: [{ sentinelId: "a", wave: 1, outcome: "succeeded", durationMs: 70 }],
    });
    const play = new Play();
    const driver = play.second();
    const both = driver.said([{ ...failed("b", "x".repeat(500)), durationMs: 0 }, skipped("c")]);
    driver.say(both);
    expect(entry(play)?.outcomes).toEqual([
      { sentinelId: "b", wave: 2, outcome: "failed", reason: "x".repeat(500), durationMs: 0 },
      { sentinelId: "c", wave: 2, outcome: "skipped", reason: "c is archived" },
    ]);
    play.do(both);
    expect(entries(play)).toEqual([]);
  });

  it("numbers its entries without a gap", () => {
    const play = new Play();
    const revisions: number[] = [];
    const kept = () => revisions.push(...(play.last?.history.map(({ revision }) => revision) ?? []));
    const driver = play.drives(begin());
    kept();
    driver.open(0);
    kept();
    driver.report([ready("a")]);
    kept();
    play.do(cancel());
    kept();
    expect(revisions).toEqual(revisions.map((_, i) => i + 1));
    expect(revisions.length).toBeGreaterThan(2);
  });

  it("comes in entries of at most 400 outcomes", () => {
    const play = new Play();
    const names = Array.from({ length: 1_000 }, (_, i): [string, string] => [`s${i}`, "sentinel:v1"]);
    play.drives(begin("rollout-1", [names])).open(0);
    play.do(abandon("rollout-1"));
    const rollback = play.drives(beginRollback());
    rollback.open(0);
    expect(entries(play).every(({ outcomes }) => outcomes.length <= 400)).toBe(true);
  });

  it("says why it is paused, when it has ended, and that it goes on", () => {
    const pauseReason = "wave 2/2: 1 of 2 sentinels failed";
    expect(entryOf(paused)).toMatchObject({ rollout: { state: "paused", pauseReason } });
    expect(entryOf(paused)?.rollout).not.toHaveProperty("endedAtMs");
    const then = (story: (play: Play) => unknown) =>
      entryOf((play) => {
        paused(play);
        story(play);
      });
    expect(then((play) => play.do(resume()))?.rollout).toMatchObject({ state: "completed", endedAtMs: NOW });
    expect(then((play) => play.do(cancel()))?.rollout).toMatchObject({ state: "cancelled", endedAtMs: NOW });
    const interrupted = entryOf((play) => {
      play.drives(begin());
      play.do(interrupt("rollout-1"));
      play.do(resume());
    });
    expect(interrupted).toMatchObject({ rollout: { state: "in_progress", pauseReason: "" }, outcomes: [] });
  });

  it("is told of results anew once a drive was killed, for the change it was making may have gone with it", () => {
    const killed = entryOf((play) => {
      play.second().report([ready("b")]);
      play.do(abandon("rollout-1"));
    });
    expect(killed).toMatchObject({
      rollout: { state: "paused", pauseReason: "killed" },
      outcomes: [{ sentinelId: "b", wave: 2, outcome: "succeeded" }],
    });
    const reverting = played((play) => {
      paused(play);
      const rollback = play.drives(beginRollback());
      rollback.open(0);
      play.now += 5_000;
      rollback.report([reverted("b")]);
      play.now += 5_000;
      rollback.report([], { due: true });
      play.do(abandon("rollback-1"));
    });
    expect(entry(reverting)?.rollout).toMatchObject({ state: "cancelled", reverted: 1 });
  });

  it("is told of what a change that was cut short has recorded, when its report is repeated", () => {
    const play = new Play();
    const driver = play.begun();
    const report = driver.said([failed("a")]);
    const { writes } = play.do(report, 0);
    for (let cut = 1; cut <= writes.length; cut++) {
      const again = played((each) => {
        each.kv = play.kv;
        each.do(report, cut);
        each.do(report);
      });
      const outcomes = entries(again).flatMap(({ outcomes }) => outcomes);
      // Once the drive has it all there is nothing left to repeat it for.
      if (again.last?.answer.accepted) {
        expect(outcomes).toContainEqual(expect.objectContaining({ sentinelId: "a", outcome: "failed" }));
      }
      expect(again.part("1/1")).toMatchObject({ a: { is: "failed" } });
      expect(again.head.failures).toEqual([{ id: "a", reason: "a did not come up" }]);
    }
  });

  it("gets what was reverted, besides what had become of it before", () => {
    const play = new Play();
    paused(play);
    const rollback = play.drives(beginRollback());
    expect(entry(play)).toMatchObject({ rollout: { state: "rolling_back" }, outcomes: [] });
    rollback.open(0);
    rollback.report([reverted("b"), reverted("a")]);
    expect(entry(play)).toMatchObject({
      rollout: { state: "cancelled", succeeded: 2, reverted: 2, endedAtMs: NOW },
      outcomes: [
        { sentinelId: "b", wave: 2, outcome: "reverted" },
        { sentinelId: "a", wave: 1, outcome: "reverted" },
      ],
    });
  });

  it("gets nothing of what changes nothing", () => {
    const play = new Play();
    play.second();
    play.do({ type: "ask", rolloutId: play.head.rolloutId });
    expect(entries(play)).toEqual([]);
    play.do(abandon("an old drive"));
    expect(entries(play)).toEqual([]);
  });

  it("of the next one begins anew", () => {
    const next = entryOf((play) => {
      paused(play);
      play.do(cancel());
      play.do(begin("rollout-2"));
    });
    expect(next).toMatchObject({ rollout: { rolloutId: "id of rollout-2", failed: 0 }, outcomes: [] });
  });
});
