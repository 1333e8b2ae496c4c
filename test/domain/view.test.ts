import { describe, expect, it } from "vitest";
import {
  viewOf,
  viewOfForgotten,
  viewOfNothing,
  viewOfResumed,
  viewOfSuperseded,
} from "../../src/domain/view.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  interrupt,
  Play,
  played,
  ready,
  resume,
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
      ["Cancel", "Pause", "Abort", "Freeze"],
      "Wave 2 of 2 is rolling out: 1 of 3 sentinels took sentinel:v2.",
    ],
    [
      "after a failed wave",
      failure,
      "paused",
      ["Resume", "RetryFailed", "Cancel", "RollbackAll", "Abort", "Freeze"],
      "Paused in wave 2 of 2: 1 of 2 sentinels failed. 2 of 3 sentinels took sentinel:v2, 1 failed. Resume: complete the rollout without the failed one. RetryFailed: deploy the 1 failed again. Cancel: stop here and keep the new image where it came up. RollbackAll: revert the 2 that took it.",
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
      "Cancelled: 2 of 3 sentinels took sentinel:v2. 1 Deploy in flight settles by itself.",
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
      "after a rollback that could not revert all",
      (play) => [
        failure(play),
        rolledBack(play).report([reverted("b"), { id: "a", is: "gone", why: "it is archived" }]),
      ],
      "cancelled",
      ["Rollout"],
      "Cancelled and rolled back: 1 of 2 sentinels reverted, 1 no longer running or on another image since.",
    ],
    [
      "after the rollback of a killed wave, of which nothing was recorded",
      (play) => [play.begun(), play.do(abandon("rollout-1")), rolledBack(play).report([reverted("a")])],
      "cancelled",
      ["Rollout"],
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

  const messageOf = (story: (play: Play) => unknown) => played(story).view.message;
  const resumes: [what: string, story: (play: Play) => unknown][] = [
    ["go on with wave 2; the 1 failed is not retried", (play) => play.begun().report([failed("a")])],
    [
      "complete the rollout without the failed ones",
      (play) => play.second().report([failed("b"), failed("c")]),
    ],
    [
      "deploy the 1 of this wave without a result, then go on with wave 2",
      (play) => [play.begun(), play.do(abandon("rollout-1"))],
    ],
    [
      "deploy the 2 of this wave without a result, then complete the rollout",
      (play) => [play.second(), play.do(abandon("rollout-1"))],
    ],
    [
      "deploy the 1 of this wave without a result, then pause again, for 1 of it failed",
      (play) => [play.second().report([failed("b")]), play.do(abandon("rollout-1"))],
    ],
    [
      "complete the rollout",
      (play) => {
        const driver = play.second();
        play.do(interrupt("rollout-1"));
        driver.report([ready("b"), ready("c")]);
      },
    ],
  ];
  it.each(resumes)("after a pause, Resume is told to %s, and does", (what, story) => {
    const play = played(story);
    expect(play.view.message).toContain(`. Resume: ${what}. `);
    const [left, waves] = [/deploy the (\d+)/.exec(what)?.[1] ?? "0", /wave (\d)$/.exec(what)?.[1]];
    const wave = play.head.currentWave;
    const driver = play.drives(resume());
    expect(play.last?.notifications[0]).toMatchObject({ kind: "resumed", resume: { left: Number(left) } });
    if (play.phase !== "in_progress") {
      expect(what).toMatch(/^complete/);
      return;
    }
    driver.open(play.head.currentWave);
    if (left !== "0") expect(driver.launched).toHaveLength(Number(left));
    driver.report([...driver.flying.keys()].map(ready));
    if (what.includes("pause again")) expect(play.phase).toBe("paused");
    else if (what.includes("complete")) expect(play.phase).toBe("completed");
    else expect(play.head.currentWave).toBe(wave + 1);
    if (waves !== undefined) expect(play.head.currentWave + 1).toBe(Number(waves));
  });

  it("brackets are not nested, whatever ended the drive", () => {
    const reason = "the driving invocation ended before its time (killed)";
    const killed = (play: Play) => [play.second(), play.do({ ...abandon("rollout-1"), reason } as never)];
    expect(messageOf(killed)).toMatch(/^Paused in wave 2 of 2: the driving .* \(killed\)\. 1 of 3 /);
    const stopping = messageOf((play) => [
      play.second(),
      play.do({ ...interrupt("rollout-1"), reason } as never),
    ]);
    expect(stopping).toContain(`will be paused: ${reason}. 1 of 3 sentinels took sentinel:v2`);
    for (const text of [messageOf(killed), stopping]) expect(text).not.toMatch(/\([^)]*\(/);
  });

  describe("RollbackAll is offered", () => {
    const offered = (story: (play: Play) => unknown) => {
      const { next, message } = played(story).view;
      expect(message.includes("RollbackAll")).toBe(
        next.includes("RollbackAll") && message.startsWith("Paused"),
      );
      return next.includes("RollbackAll");
    };
    it.each<[string, boolean, (play: Play) => unknown]>([
      ["after a wave in which all failed", false, (play) => play.begun().report([failed("a")])],
      ["once some took the image", true, (play) => play.second().report([failed("b"), failed("c")])],
      [
        "before anything was launched",
        false,
        (play) => [play.drives(begin()), play.do(interrupt("rollout-1"))],
      ],
      [
        "while nobody knows whether some took it",
        true,
        (play) => [play.begun(), play.do(abandon("rollout-1"))],
      ],
      ["while some are in flight", true, (play) => [play.begun(), play.do(cancel())]],
      [
        "once they have settled, and failed",
        false,
        (play) => {
          const driver = play.begun();
          play.do(cancel());
          driver.report([failed("a")]);
        },
      ],
      [
        "once all are reverted",
        false,
        (play) => [
          play.second().report([ready("b"), failed("c")]),
          rolledBack(play).report([reverted("b"), reverted("a")]),
        ],
      ],
      [
        "once all that are left are gone or have moved",
        false,
        (play) => [
          play.second().report([ready("b"), failed("c")]),
          rolledBack(play).report([
            { id: "b", is: "gone", why: "it is archived" },
            { id: "a", is: "moved", why: "moved to a hotfix" },
          ]),
        ],
      ],
      [
        "once their rows told that none took it",
        false,
        (play) => [
          play.begun(),
          play.do(abandon("rollout-1")),
          rolledBack(play).report([{ id: "a", is: "untouched" }]),
        ],
      ],
      [
        "after one that was cut short",
        true,
        (play) => [
          play.begun(),
          play.do(abandon("rollout-1")),
          rolledBack(play),
          play.do(abandon("rollback-1")),
        ],
      ],
    ])("%s: %s", (_, expected, story) => {
      expect(offered(story)).toBe(expected);
    });

    it("and stays legal where it is not: it answers 0 of 0", () => {
      const play = played((each) => each.begun().report([failed("a")]));
      rolledBack(play);
      expect(play.phase).toBe("cancelled");
      expect(play.last?.answer.driver?.rollback).toMatchObject({ reverted: 0, targets: 0 });
    });
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
    expect(viewOfNothing("sentinel:v2", 5)).toMatchObject({
      state: "completed",
      total: 0,
      sinceMs: 5,
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

  it("or as it was paused, once another drive has gone on from there", () => {
    const { view } = played((play) => play.begun());
    expect(viewOfResumed(view)).toMatchObject({
      state: "paused",
      phase: "paused",
      next: [],
      message: "The rollout of sentinel:v2 was paused; it has been resumed since.",
    });
  });

  it("and never with the numbers of another rollout", () => {
    expect(viewOfForgotten("rollout-1", "sentinel:v2")).toMatchObject({
      state: "cancelled",
      rolloutId: "rollout-1",
      total: 0,
      message:
        "The rollout of sentinel:v2 was cancelled; another rollout has started since. History has its numbers.",
    });
  });
});
