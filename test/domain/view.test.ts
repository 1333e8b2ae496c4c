import { describe, expect, it } from "vitest";
import { viewOf, viewOfNothing, viewOfSuperseded } from "../../src/domain/view.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  finishRollback,
  finishWave,
  machineAfter,
  ready,
  record,
  skipped,
} from "./machines.ts";

const FORWARD = "rollout-1";
const ready1 = finishWave(FORWARD, ready("a"));
const failure = finishWave(FORWARD, ready("b"), failed("c", "OOMKilled"));

describe("what operators are answered", () => {
  const cases = [
    ["before the first rollout", [], "idle", ["Rollout"], "No rollout has run yet."],
    [
      "in mid-rollout",
      [begin(), ready1],
      "in_progress",
      ["Cancel"],
      "Wave 2 of 2 is rolling out: 1 of 3 sentinels took sentinel:v2.",
    ],
    [
      "after a failed wave",
      [begin(), ready1, failure],
      "paused",
      ["Resume", "Cancel", "RollbackAll"],
      "Paused in wave 2 of 2 (wave 2/2: 1 of 2 sentinels failed): 2 of 3 sentinels took sentinel:v2, 1 failed. Resume skips the failed sentinels, Cancel keeps things as they are, RollbackAll reverts.",
    ],
    [
      "after a Cancel",
      [begin(), ready1, failure, cancel()],
      "cancelled",
      ["Rollout", "RollbackAll"],
      "Cancelled: 2 of 3 sentinels took sentinel:v2, 1 failed.",
    ],
    [
      "during a rollback",
      [begin(), ready1, failure, beginRollback()],
      "rolling_back",
      [],
      "Rolling back: 0 of 2 sentinels reverted so far.",
    ],
    [
      "after a rollback",
      [begin(), ready1, failure, beginRollback(), finishRollback("rollback-1", "b")],
      "cancelled",
      ["Rollout", "RollbackAll"],
      "Cancelled and rolled back: 1 of 2 sentinels reverted.",
    ],
    [
      "after the rollback of a killed wave, of which nothing was recorded",
      [begin(), abandon(FORWARD), beginRollback(), finishRollback("rollback-1", "a")],
      "cancelled",
      ["Rollout", "RollbackAll"],
      "Cancelled and rolled back: 1 of 1 sentinel reverted.",
    ],
    [
      "at the end",
      [begin(), ready1, finishWave(FORWARD, ready("b"), ready("c"))],
      "completed",
      ["Rollout"],
      "Completed: 3 of 3 sentinels took sentinel:v2.",
    ],
    [
      "at the end of one that lost sentinels on the way",
      [begin(), ready1, finishWave(FORWARD, skipped("b"), ready("c"))],
      "completed",
      ["Rollout"],
      "Completed: 2 of 3 sentinels took sentinel:v2, 1 skipped as no longer running.",
    ],
  ] as const;

  it.each(cases)("%s", (_, events, state, next, message) => {
    expect(viewOf(machineAfter(...events).rollout)).toMatchObject({ state, next, message });
  });

  it("counts waves from 1, and has no wave before the first rollout", () => {
    expect(viewOf(undefined)).toMatchObject({ wave: 0, waves: 0, total: 0, rolloutId: "" });
    expect(viewOf(machineAfter(begin()).rollout)).toMatchObject({ wave: 1, waves: 2, total: 3 });
  });

  it("lists at most 20 failures, the newest, and counts them all", () => {
    const ids = Array.from({ length: 30 }, (_, i) => `sen_${i}`);
    const wide = { ...begin(), waves: [ids] };
    const { rollout } = machineAfter(wide, record(FORWARD, ...ids.map((id) => failed(id))));
    const view = viewOf(rollout);
    expect(view.failed).toBe(30);
    expect(view.failures.map(({ id }) => id)).toEqual(ids.slice(10));
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
    const last = viewOf(machineAfter(begin()).rollout);
    expect(viewOfSuperseded(last, "another rollout has started since")).toMatchObject({
      state: "cancelled",
      next: [],
      message: "The rollout of sentinel:v2 was cancelled; another rollout has started since.",
    });
  });
});
