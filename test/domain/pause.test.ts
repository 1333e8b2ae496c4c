import { describe, expect, it } from "vitest";
import { slackMessage } from "../../src/domain/messages.ts";
import { Crew } from "./fleet.ts";
import { abandon, begin, cancel, failed, interrupt, Play, pause, played, ready, resume } from "./machines.ts";

const ids = (items: readonly { id: string }[]) => items.map(({ id }) => id);

describe("a pause", () => {
  it("says which wave failed and how many sentinels of it", () => {
    const play = new Play();
    play.second().report([failed("b", "OOMKilled"), ready("c")]);
    const pauseReason = "wave 2/2: 1 of 2 sentinels failed";
    expect(play.head).toMatchObject({ state: "paused", pauseReason });
    expect(play.last?.notifications).toMatchObject([
      { kind: "paused", reason: pauseReason, failures: [{ id: "b", reason: "OOMKilled" }] },
    ]);
    expect(play.drive).toMatchObject({ lanes: {} });
    expect(play.drive?.forward).toBeUndefined();
  });

  it("waits for the whole wave: one failure in it stops nothing yet", () => {
    const play = new Play();
    play.second().report([failed("b")]);
    expect(play.phase).toBe("in_progress");
    expect(play.numbers).toMatchObject({ failed: 1, inFlight: 1 });
  });

  it("names at most five failing sentinels, the newest, and counts all", () => {
    const names = ["1", "2", "3", "4", "5", "6", "7"];
    const play = new Play();
    const driver = play.drives(begin("rollout-1", [names.map((id) => [id, "sentinel:v1"])]));
    driver.open(0);
    driver.report(names.map((id) => failed(id)));
    const [paused] = play.last?.notifications ?? [];
    expect(paused).toMatchObject({ kind: "paused", progress: { failed: 7 } });
    expect(paused?.kind === "paused" && ids(paused.failures)).toEqual(["3", "4", "5", "6", "7"]);
  });

  it("comes of an interruption, too, once what was in flight is recorded", () => {
    const play = new Play();
    const driver = play.second();
    play.do(interrupt("rollout-1"));
    expect(play.phase).toBe("in_progress");
    driver.report([ready("b")]);
    expect(play.phase).toBe("in_progress");
    driver.report([ready("c")]);
    expect(play.head).toMatchObject({ state: "paused", pauseReason: "cancelled in the UI" });
    expect(play.head.waves[1]).toMatchObject({ succeeded: 2 });
  });

  it("comes of a killed drive by the watchdog, with its reason", () => {
    const play = new Play();
    play.second();
    play.do(abandon("rollout-1"));
    expect(play.head).toMatchObject({ state: "paused", pauseReason: "killed" });
    expect(play.last?.notifications).toMatchObject([{ kind: "paused", reason: "killed", failures: [] }]);
    expect(play.numbers).toMatchObject({ inFlight: 0, waiting: 2 });
  });

  it("that an operator asked for is answered again, whatever it came to", () => {
    const play = new Play();
    const driver = play.second();
    play.do({ ...pause(), operator: "alice", comment: "lunch" });
    driver.report([failed("b"), ready("c")]);
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "failure" });
    const before = new Map(play.kv);
    const { answer, notifications } = play.do(pause());
    expect(answer).toMatchObject({ accepted: true, view: { state: "paused", pauseKind: "failure" } });
    expect(notifications).toEqual([]);
    expect(play.kv).toEqual(before);
  });

  it("by a failure that an operator's Pause met tells of both", () => {
    const play = new Play();
    const driver = play.second();
    play.do({ ...pause(), operator: "alice", comment: "lunch" });
    driver.report([failed("b"), ready("c")]);
    expect(play.head.pauseReason).toBe("wave 2/2: 1 of 2 sentinels failed; alice paused it: lunch");
  });

  it("that comes when nothing is left is told at the end", () => {
    const play = new Play();
    const driver = play.second();
    play.do({ ...pause(), operator: "alice", comment: "lunch" });
    driver.report([ready("b"), ready("c")]);
    expect(play.phase).toBe("completed");
    const text = play.last?.notifications.map((each) => slackMessage(each).text).join("\n");
    expect(text).toContain("*Pause:* nothing was left to launch when alice paused it: lunch");
  });

  it("while it is frozen offers what the freeze lets through", () => {
    const play = new Play();
    const driver = play.second();
    play.do({ type: "freeze", id: "freeze-1", reason: "year-end closing", operator: "carol" });
    driver.report([failed("b"), ready("c")]);
    const text = play.last?.notifications.map((each) => slackMessage(each).text).join("\n");
    expect(play.head.pauseKind).toBe("failure");
    expect(text).toContain("*Resume* – once the freeze has ended, or with `override_freeze` and a comment: ");
    expect(text).toContain("*Unfreeze*");
    expect(text).toContain(
      "*RetryFailed* – once the freeze has ended, or with `override_freeze` and a comment: ",
    );
  });

  it("of an operator whose drive is killed meanwhile says who asked, and why", () => {
    const play = new Play();
    play.second();
    play.do({ type: "pause", operator: "alice", comment: "odd latency" });
    play.do(abandon("rollout-1"));
    const pauseReason = "alice paused it: odd latency; then killed";
    expect(play.head).toMatchObject({ state: "paused", pauseKind: "interrupted", pauseReason });
  });

  it("comes of a state that says that somebody drives, while nobody does", () => {
    const paused = played((play) => play.begun().report([failed("a")]));
    // The Resume was killed after it had written the head.
    const writes = paused.do(resume(), 0).writes;
    paused.do(resume(), writes.findIndex(({ key }) => key === "rolloutState") + 1);
    expect(paused.phase).toBe("in_progress");
    paused.do(abandon());
    expect(paused.head).toMatchObject({ state: "paused", pauseReason: "killed" });
  });
});

describe("Resume", () => {
  it("goes on after a failed wave, and leaves the failed alone", () => {
    const play = new Play();
    play.begun().report([failed("a")]);
    const driver = play.drives(resume());
    expect(play.last?.watch).toBe("resume-1");
    expect(play.last?.notifications[0]).toMatchObject({ kind: "resumed", resume: { left: 0 } });
    expect(play.head.pauseReason).toBe("");
    driver.open(1);
    expect(ids(driver.launched)).toEqual(["b", "c"]);
    expect(play.part("1/1")).toEqual({ a: { from: "sentinel:v1", is: "failed", why: "a did not come up" } });
  });

  it("first deploys what an interruption left of the wave", () => {
    const play = new Play();
    play.second().report([ready("b")]);
    play.do(abandon("rollout-1"));
    const driver = play.drives(resume());
    expect(play.last?.notifications).toMatchObject([{ kind: "resumed", resume: { left: 1 } }]);
    driver.open(1);
    expect(ids(driver.launched)).toEqual(["c"]);
  });

  it("after an interruption with a failure deploys the rest, and then pauses for the failure", () => {
    const play = new Play();
    play.second().report([failed("b")]);
    play.do(abandon("rollout-1"));
    const driver = play.drives(resume());
    driver.open(1);
    driver.report([ready("c")]);
    expect(play.head).toMatchObject({ state: "paused", pauseReason: "wave 2/2: 1 of 2 sentinels failed" });
  });

  it("after a failure in the last wave completes the rollout: there is nothing to drive or to watch", () => {
    const play = new Play();
    play.second().report([ready("b"), failed("c")]);
    play.do(resume());
    expect(play.phase).toBe("completed");
    expect(play.drive?.forward).toBeUndefined();
    expect(play.last?.watch).toBeUndefined();
    expect(play.last?.answer.driver?.done).toBe(true);
    expect(play.last?.notifications.at(-1)).toMatchObject({ kind: "completed", failures: [{ id: "c" }] });
  });
});

describe("Cancel", () => {
  it("gives out nothing more, and what settles later is recorded", () => {
    const play = new Play();
    const driver = play.second();
    play.do(cancel());
    expect(play.numbers).toMatchObject({ inFlight: 2 });
    expect(driver.report([ready("b")]).driver?.done).toBe(false);
    expect(play.told).toEqual([]);
    expect(driver.report([failed("c")])).toMatchObject({ over: true, driver: { done: true } });
    expect(play.head.waves[1]).toMatchObject({ succeeded: 1, failed: 1 });
    expect(play.drive?.forward).toBeUndefined();
  });

  it("ends a drive that has nothing in flight at once, and rings it", () => {
    const play = new Play();
    const driver = play.drives(begin());
    driver.report([], { due: true });
    play.do(cancel());
    expect(driver.rung).toBe(true);
    expect(driver.report().driver).toMatchObject({ done: true, view: { state: "cancelled" } });
  });

  it("of a paused rollout rings nobody", () => {
    const play = new Play();
    play.begun().report([failed("a")]);
    expect(play.do(cancel()).rings).toEqual([]);
    expect(play.head).toMatchObject({ state: "cancelled", pauseReason: "" });
  });

  it("leaves a state from which the drive may still be killed", () => {
    const play = new Play();
    play.second();
    play.do(cancel());
    play.do(abandon("rollout-1"));
    expect(play.phase).toBe("cancelled");
    expect(play.drive?.forward).toBeUndefined();
    expect(play.last?.notifications).toMatchObject([{ kind: "settled", lost: 2, why: "killed" }]);
  });
});

describe("a lane that is lost", () => {
  it("stops the drive, and pauses it once the others have settled", () => {
    const play = new Play();
    const crew = Crew.of(play, 400, 400);
    crew.calm();
    const [driver, lost, ...others] = crew.lanes;
    expect(lost?.flying.size).toBeGreaterThan(0);
    expect(others.length).toBeGreaterThan(0);
    play.do({
      type: "laneLost",
      rolloutId: play.head.rolloutId,
      lane: lost?.lane ?? 0,
      reason: "it was lost",
    });
    for (const lane of [driver, ...others]) {
      expect(play.phase).toBe("in_progress");
      lane?.report([...lane.flying.keys()].map(ready));
    }
    expect(play.head).toMatchObject({ state: "paused", pauseReason: "it was lost" });
  });
});
