import { describe, expect, it } from "vitest";
import { viewOf, viewOfNothing, viewOfSuperseded } from "../../src/domain/view.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  Play,
  played,
  ready,
  reverted,
  skipped,
} from "./machines.ts";

const failure = (play: Play) => play.second().report([ready("b"), failed("c", "OOMKilled")]);
const rolledBack = (play: Play) => {
  const rollback = play.drives(beginRollback());
  rollback.open(0);
  return rollback;
};

describe("what operators are answered", () => {
  const cases: [when: string, (play: Play) => unknown, state: string, next: string[], message: string][] = [
    ["before the first rollout", () => undefined, "idle", ["Rollout"], "No rollout has run yet."],
    [
      "in mid-rollout",
      (play) => play.second(),
      "in_progress",
      ["Cancel"],
      "Wave 2 of 2 is rolling out: 1 of 3 sentinels took sentinel:v2.",
    ],
    [
      "after a failed wave",
      failure,
      "paused",
      ["Resume", "Cancel", "RollbackAll"],
      "Paused in wave 2 of 2 (wave 2/2: 1 of 2 sentinels failed): 2 of 3 sentinels took sentinel:v2, 1 failed. Resume skips the failed sentinels, Cancel keeps things as they are, RollbackAll reverts.",
    ],
    [
      "after a Cancel",
      (play) => [failure(play), play.do(cancel())],
      "cancelled",
      ["Rollout", "RollbackAll"],
      "Cancelled: 2 of 3 sentinels took sentinel:v2, 1 failed.",
    ],
    [
      "after a Cancel, with a Deploy in flight",
      (play) => [play.second().report([ready("b")]), play.do(cancel())],
      "cancelled",
      ["Rollout", "RollbackAll"],
      "Cancelled: 2 of 3 sentinels took sentinel:v2. 1 Deploy in flight settles by themselves.",
    ],
    [
      "during a rollback",
      (play) => [failure(play), play.drives(beginRollback())],
      "rolling_back",
      [],
      "Rolling back: 0 of 2 sentinels reverted so far.",
    ],
    [
      "after a rollback",
      (play) => [
        failure(play),
        rolledBack(play).report([reverted("b"), { id: "a", is: "missed", why: "no row" }]),
      ],
      "cancelled",
      ["Rollout", "RollbackAll"],
      "Cancelled and rolled back: 1 of 2 sentinels reverted.",
    ],
    [
      "after the rollback of a killed wave, of which nothing was recorded",
      (play) => [play.begun(), play.do(abandon("rollout-1")), rolledBack(play).report([reverted("a")])],
      "cancelled",
      ["Rollout", "RollbackAll"],
      "Cancelled and rolled back: 1 of 1 sentinel reverted.",
    ],
    [
      "at the end",
      (play) => play.second().report([ready("b"), ready("c")]),
      "completed",
      ["Rollout"],
      "Completed: 3 of 3 sentinels took sentinel:v2.",
    ],
    [
      "at the end of one that lost sentinels on the way",
      (play) => play.second().report([skipped("b"), ready("c")]),
      "completed",
      ["Rollout"],
      "Completed: 2 of 3 sentinels took sentinel:v2, 1 skipped as no longer running.",
    ],
  ];

  it.each(cases)("%s", (_, story, state, next, message) => {
    expect(played(story).view).toMatchObject({ state, next, message });
  });

  it("counts waves from 1, and has no wave before the first rollout", () => {
    expect(viewOf(undefined, undefined)).toMatchObject({ wave: 0, waves: 0, total: 0, rolloutId: "" });
    expect(played((play) => play.begun()).view).toMatchObject({ wave: 1, waves: 2, total: 3 });
  });

  it("counts a result as soon as it is reported, before it is recorded", () => {
    const play = played((each) => each.second().report([ready("b")]));
    expect(play.part("2/1")).toMatchObject({ b: { is: "waiting" } });
    expect(play.view).toMatchObject({ succeeded: 2, inFlight: 1, waiting: 0 });
  });

  it("lists at most 20 failures, the newest, and counts them all", () => {
    const ids = Array.from({ length: 30 }, (_, i) => `sen_${i}`);
    const play = new Play();
    const driver = play.drives(begin("rollout-1", [ids.map((id) => [id, "sentinel:v1"])]));
    driver.open(0);
    driver.report([...driver.flying.keys()].map((id) => failed(id)));
    expect(play.view.failed).toBe(30);
    expect(play.view.failures.map(({ id }) => id)).toEqual(ids.slice(10));
  });

  it("a rollout of nobody is completed", () => {
    expect(viewOfNothing("sentinel:v2")).toMatchObject({
      state: "completed",
      total: 0,
      image: "sentinel:v2",
      next: ["Rollout"],
    });
  });

  it("a drive whose rollout went on without it answers cancelled, and why", () => {
    const { view } = played((play) => play.begun());
    expect(viewOfSuperseded(view, "another rollout has started since")).toMatchObject({
      state: "cancelled",
      next: [],
      message: "The rollout of sentinel:v2 was cancelled; another rollout has started since.",
    });
  });
});
