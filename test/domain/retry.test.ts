import { describe, expect, it } from "vitest";
import { NotFailedError } from "../../src/domain/retry-failed.ts";
import { statusResponse } from "../../src/rollout/responses.ts";
import {
  abandon,
  begin,
  beginRollback,
  cancel,
  failed,
  IMAGE,
  NOW,
  Play,
  pause,
  played,
  ready,
  resume,
  retryFailed,
  reverted,
  skipped,
  standsDown,
} from "./machines.ts";

const runs = (play: Play) => play.phase === "in_progress";
const ids = (items: readonly { id: string }[]) => items.map(({ id }) => id);

/** `a` came up; `b` and `c`, the second and last wave, failed. */
const bothFailed = () => played((play) => play.second().report([failed("b", "OOMKilled"), failed("c")]));

/** Some of the small fleet in four waves, the first of which failed. */
const wide = (limits = {}) =>
  played((play) => {
    const fleet = ["a", "b", "c", "d"].map((id): [string, string][] => [[id, "sentinel:v1"]]);
    play.drives({ ...begin("rollout-1", fleet), ...limits }).open(0);
    play.speakers[0]?.report([failed("a")]);
  });

describe("RetryFailed", () => {
  it("deploys the failed ones again, and pauses with fewer of them", () => {
    const play = bothFailed();
    const driver = play.drives(retryFailed());
    expect(play.told).toEqual(["retrying"]);
    expect(play.last?.watch).toBe("retry-1");
    expect(play.last?.answer.driver?.wave).toMatchObject({ number: 2, of: 2, retries: 2, load: false });
    expect(play.view).toMatchObject({ state: "in_progress", phase: "retrying" });
    driver.open(1);
    expect(driver.launched).toEqual([
      { id: "b", at: "2/1", retry: true },
      { id: "c", at: "2/1", retry: true },
    ]);
    expect(play.numbers).toMatchObject({ succeeded: 1, failed: 0, inFlight: 2, waiting: 0 });
    driver.report([ready("b")]);
    expect(play.numbers).toMatchObject({ succeeded: 2, failed: 0, inFlight: 1, waiting: 0 });
    driver.report([failed("c", "CrashLoopBackOff")]);
    expect(play.head).toMatchObject({
      state: "paused",
      pauseKind: "failure",
      pauseReason: "wave 2/2: 1 of 2 sentinels failed",
      failures: [{ id: "c", reason: "CrashLoopBackOff" }],
    });
    expect(play.part("2/1")).toEqual({
      b: { from: "sentinel:v1", is: "succeeded" },
      c: { from: "sentinel:v0", is: "failed", why: "CrashLoopBackOff" },
    });
    const told = play.last?.history.flatMap(({ entry }) => entry.outcomes);
    expect(told).toContainEqual({ sentinelId: "b", wave: 2, outcome: "succeeded" });
  });

  it("says when none is failed any more, and is not offered then", () => {
    const play = bothFailed();
    expect(play.view.next).toContain("RetryFailed");
    const driver = play.drives(retryFailed());
    driver.open(1);
    driver.report([ready("b"), ready("c")]);
    expect(play.head).toMatchObject({
      pauseKind: "operator",
      pauseReason: "wave 2/2: none of it is failed any more",
      failures: [],
    });
    expect(play.view.next).not.toContain("RetryFailed");
    expect(play.view.message).toContain("Resume: complete the rollout.");
    expect(() => play.do(retryFailed())).toThrow(NotFailedError);
  });

  it("goes on by itself where that was asked for, and none of the wave is failed any more", () => {
    const play = wide();
    const driver = play.drives(retryFailed({ resume: true }));
    driver.open(0);
    driver.report([ready("a")]);
    expect(play.told).toEqual(["wave completed", "wave started"]);
    expect(play.view).toMatchObject({ state: "in_progress", phase: "deploying", wave: 2, failed: 0 });
    expect(driver.last?.driver?.wave).toMatchObject({ number: 2 });
    driver.open(1);
    expect(ids(driver.launched)).toEqual(["a", "b"]);
  });

  it("pauses where that was asked for, but one of the wave failed again", () => {
    const play = wide();
    const driver = play.drives(retryFailed({ resume: true }));
    driver.open(0);
    driver.report([failed("a")]);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "failure", currentWave: 0 });
  });

  it("deploys those alone that it names, and refuses one that has not failed", () => {
    const play = bothFailed();
    const before = play.kv;
    for (const sentinelIds of [["b", "a"], ["nobody"], ["b", "toString"]])
      expect(() => play.do(retryFailed({ sentinelIds }))).toThrow(NotFailedError);
    expect(() => play.do(retryFailed({ sentinelIds: ["b", "nobody"] }))).toThrow(
      "nobody is not among the 2 failed sentinels of this rollout: nothing was changed.",
    );
    expect(play.kv).toBe(before);
    const driver = play.drives(retryFailed({ sentinelIds: ["c"] }));
    driver.open(1);
    expect(ids(driver.launched)).toEqual(["c"]);
    driver.report([ready("c")]);
    expect(play.head).toMatchObject({ state: "paused", failures: [{ id: "b", reason: "OOMKilled" }] });
  });

  it("deploys those of all waves, the oldest first", () => {
    const play = wide();
    const second = play.drives(resume());
    second.open(1);
    second.report([failed("b")]);
    const driver = play.drives(retryFailed());
    driver.open(1);
    expect(ids(driver.launched)).toEqual(["a", "b"]);
    driver.report([failed("a"), ready("b")]);
    expect(play.head.pauseReason).toBe("wave 2/4: none of it is failed any more, 1 of earlier waves is");
  });

  it("tells what it waits for", () => {
    const play = bothFailed();
    play.drives(retryFailed()).open(1);
    const status = statusResponse({ rollout: play.rollout, drive: play.drive }, NOW);
    expect(status).toMatchObject({
      waiting_for: "2 failed sentinels to come up again",
      estimated_seconds_left: null,
    });
    expect(status.message).toContain("Wave 2 of 2 deploys 2 failed sentinels again, 0 of them done");
  });

  it("skips who is archived since", () => {
    const play = bothFailed();
    const driver = play.drives(retryFailed());
    driver.open(1);
    driver.report([skipped("b"), ready("c")]);
    expect(play.head).toMatchObject({ failures: [], skips: [{ id: "b" }] });
    expect(play.numbers).toMatchObject({ succeeded: 2, failed: 0, skipped: 1 });
  });

  it("names others that failed once those that it named came up", () => {
    const play = new Play();
    const wave = Array.from({ length: 30 }, (_, i): [string, string] => [`s${10 + i}`, "sentinel:v1"]);
    const first = play.drives(begin("rollout-1", [wave]));
    first.open(0);
    first.report(wave.slice(0, 16).map(([id]) => failed(id)));
    while (first.tells || first.rung) first.report();
    first.report([...first.flying.keys()].map((id) => failed(id)));
    while (runs(play)) first.report([...first.flying.keys()].map((id) => failed(id)));
    const newest = ids(play.head.failures);
    expect(newest).toHaveLength(20);
    const driver = play.drives(retryFailed({ sentinelIds: newest }));
    driver.open(0);
    while (runs(play)) driver.report([...driver.flying.keys()].map(ready));
    expect(play.view).toMatchObject({ failed: 10 });
    expect(ids(play.head.failures)).toHaveLength(10);
  });
});

describe("a retry that does not come to its end", () => {
  it("that an operator pauses settles, and leaves the rest failed", () => {
    const play = bothFailed();
    const driver = play.drives(retryFailed(), 1);
    driver.open(1);
    play.do(pause());
    expect(play.view).toMatchObject({ state: "in_progress", phase: "pausing" });
    driver.report([ready("b")]);
    expect(ids(driver.launched)).toEqual(["b"]);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "operator" });
    expect(play.part("2/1").c).toEqual({ from: "sentinel:v0", is: "failed", why: "c did not come up" });
  });

  it("that is killed leaves them failed, and a rollback goes by their rows", () => {
    const play = bothFailed();
    const driver = play.drives(retryFailed());
    driver.open(1);
    play.do(abandon("retry-1"));
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "interrupted", retried: 2 });
    expect(play.numbers).toMatchObject({ succeeded: 1, failed: 2, inFlight: 0 });
    expect(play.view.message).toContain("those of the 2 without a result whose rows say so");
    const back = play.drives(beginRollback());
    back.open(0);
    expect(back.launched).toContainEqual({
      ...{ id: "b", at: "2/1", from: "sentinel:v1" },
      ...{ unrecorded: true, retry: true },
    });
    expect(play.numbers).toMatchObject({ failed: 0, inFlight: 3 });
    back.report([reverted("a"), reverted("b"), standsDown("c")]);
    expect(play.head).toMatchObject({ state: "cancelled" });
    expect(play.numbers).toMatchObject({ succeeded: 2, reverted: 2, failed: 1, inFlight: 0 });
    expect(play.head.retried).toBeUndefined();
    expect(play.view.next).not.toContain("RollbackAll");
  });

  it("of which an earlier attempt reports late changes nothing", () => {
    const play = bothFailed();
    const first = play.drives(retryFailed());
    first.open(1);
    play.do(abandon("retry-1"));
    const second = play.drives(retryFailed({ invocationId: "retry-2" }));
    second.open(1);
    expect(first.report([ready("b"), failed("c", "of the first attempt")])).toMatchObject({
      accepted: false,
    });
    expect(play.numbers).toMatchObject({ succeeded: 1, failed: 0, inFlight: 2 });
    second.report([failed("b"), ready("c")]);
    expect(play.part("2/1")).toMatchObject({ b: { is: "failed" }, c: { is: "succeeded" } });
  });

  it("that is cancelled settles, and is recorded", () => {
    const play = bothFailed();
    const driver = play.drives(retryFailed());
    driver.open(1);
    play.do(cancel());
    expect(play.last?.notifications).toMatchObject([{ kind: "cancelled", inFlight: 2 }]);
    driver.report([ready("b"), failed("c")]);
    expect(play.told).toEqual(["settled"]);
    expect(play.numbers).toMatchObject({ succeeded: 2, failed: 1, inFlight: 0 });
  });

  it("that settles once another rollout has begun is counted in its own history", () => {
    const play = bothFailed();
    const driver = play.drives(retryFailed());
    driver.open(1);
    play.do(cancel());
    play.do(begin("rollout-2", [[["a", IMAGE]]], "sentinel:v3"));
    driver.report([ready("b"), failed("c")]);
    const [entry] = play.last?.history ?? [];
    expect(entry?.entry.rollout).toMatchObject({ succeeded: 2, failed: 1 });
    expect(entry?.entry.outcomes).toMatchObject([
      { sentinelId: "b", wave: 2, outcome: "succeeded" },
      { sentinelId: "c", wave: 2, outcome: "failed" },
    ]);
  });

  it("exceeds a budget by its own failures", () => {
    const play = played((each) => {
      const wave = Array.from({ length: 6 }, (_, i): [string, string] => [`s${i}`, "sentinel:v1"]);
      const first = each.drives({
        ...begin("rollout-1", [wave]),
        limits: { maxFailures: 1, maxInFlight: 2 },
      });
      first.open(0);
      first.report([failed("s0")]);
      while (runs(each)) first.report([...first.flying.keys()].map((id) => failed(id)));
    });
    const before = play.numbers.failed;
    const untouched = play.view.neverAttempted;
    const driver = play.drives(retryFailed());
    driver.open(0);
    driver.report([...driver.flying.keys()].map((id) => failed(id)));
    while (runs(play)) driver.report([...driver.flying.keys()].map((id) => failed(id)));
    expect(driver.launched.length).toBeLessThanOrEqual(1 + 2 + 1);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "budget" });
    expect(play.head.pauseReason).toMatch(/^wave 1\/1: \d of \d failed again \(budget 1\)$/);
    expect(play.numbers.failed).toBe(before);
    expect(play.view.neverAttempted).toBe(untouched);
  });
});
