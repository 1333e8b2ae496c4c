import { describe, expect, it } from "vitest";
import type { Event } from "../../src/domain/event.ts";
import { begin, beginRollback, cancel, failed, Play, ready } from "./machines.ts";

/** The driver opens its wave, and nobody hears the answer: so much of the change is stored. */
function openedUnheard(play: Play, cut?: number) {
  const driver = play.drives(begin());
  const opens = driver.said([], { opens: { wave: 0, window: 500 } });
  const { writes } = play.do(opens, cut);
  return { driver, opens, writes };
}

/** What is to follow it: operators stop, roll another image out, stop that, too, and go back. */
function replaced(play: Play): void {
  play.do(cancel());
  const next = play.drives(begin("rollout-2", undefined, "sentinel:v3"));
  next.open(0);
  next.report([ready("a")]);
  play.do(cancel());
  play.drives(beginRollback()).open(0);
}

describe("a rollout that another one has taken the place of", () => {
  it("grants nothing any more to a report that is repeated, wherever it was cut short", () => {
    const whole = openedUnheard(new Play()).writes.length;
    for (let cut = 0; cut <= whole; cut++) {
      const play = new Play();
      const { driver, opens } = openedUnheard(play, cut);
      replaced(play);
      const answer = driver.say(opens);
      expect(answer.grant).toBeUndefined();
      expect(driver.launched).toEqual([]);
      expect(answer.driver?.done).toBe(true);
    }
  });

  it("tells Slack that all have settled, once it has refused what was never launched", () => {
    const play = new Play();
    const { driver, opens } = openedUnheard(play);
    replaced(play);
    driver.say(opens);
    expect(play.last?.notifications).toMatchObject([
      { kind: "settled", lost: 0, progress: { succeeded: 0 } },
    ]);
  });

  it("knows what a lane has launched that heard of its grant by its bell, as that rang", () => {
    const play = new Play();
    const driver = play.begun();
    const asked = driver.said([], { due: true });
    play.do(asked);
    driver.report([ready("a")]);
    const waits = driver.said();
    play.do(waits);
    driver.open(1);
    expect([...driver.flying.keys()]).toEqual(["b", "c"]);
    replaced(play);
    driver.report([ready("b")]);
    driver.report([failed("c")]);
    expect(play.last?.notifications).toMatchObject([
      { kind: "settled", lost: 0, progress: { succeeded: 2, failed: 1 } },
    ]);
  });
});

describe("a rollout that another one has taken the place of, and whose driving invocation is killed", () => {
  /** Two of it are in flight as the next one begins. */
  function replacedInFlight(play: Play) {
    const driver = play.second();
    play.do(cancel());
    const next = play.drives(begin("rollout-2", undefined, "sentinel:v3"));
    next.open(0);
    return { driver, next };
  }
  const killed = {
    ...{ type: "abandon", rolloutId: "id of rollout-1", invocationId: "rollout-1" },
    reason: "killed",
  } as const satisfies Event;
  const keptOf = (play: Play) =>
    [...play.kv.keys()].filter((key) => key.startsWith("former/") || key === "lane/1");

  it("is dropped with all its keys, and Slack hears of how many nobody knows", () => {
    const play = new Play();
    const { driver, next } = replacedInFlight(play);
    driver.report([ready("b")]);
    expect(keptOf(play)).not.toEqual([]);
    const { answer, notifications } = play.do(killed);
    expect(answer.accepted).toBe(true);
    expect(notifications).toMatchObject([
      {
        ...{ kind: "settled", lost: 1, why: "killed" },
        progress: { rolloutId: "id of rollout-1", succeeded: 2, failed: 0 },
      },
    ]);
    expect(keptOf(play)).toEqual([]);
    expect(play.head).toMatchObject({ rolloutId: "id of rollout-2", state: "in_progress" });
    next.report([ready("a")]);
    expect(play.numbers).toMatchObject({ succeeded: 1 });
  });

  it("tells Slack nothing more once all of it has settled", () => {
    const play = new Play();
    const { driver } = replacedInFlight(play);
    driver.report([ready("b"), failed("c")]);
    expect(play.told).toEqual(["settled"]);
    play.do(killed);
    expect(play.told).toEqual([]);
    expect(keptOf(play)).toEqual([]);
  });

  it("is dropped whatever the next one has come to, and changes nothing of that", () => {
    const play = new Play();
    replacedInFlight(play).next.report([failed("a")]);
    const before = play.head;
    play.do(killed);
    expect(play.told).toEqual(["settled"]);
    expect(play.head).toEqual(before);
  });

  it("is dropped by a change that is made again, wherever it was cut short; Slack's message has one name", () => {
    const whole = new Play();
    replacedInFlight(whole);
    const { writes } = whole.do(killed);
    for (let cut = 0; cut <= writes.length; cut++) {
      const play = new Play();
      replacedInFlight(play);
      play.do(killed, cut);
      play.do(killed);
      expect(keptOf(play)).toEqual([]);
      expect(play.head.state).toBe("in_progress");
    }
  });

  it("is left as it is when another invocation of it has gone", () => {
    const play = new Play();
    replacedInFlight(play);
    const before = new Map(play.kv);
    const { answer } = play.do({ ...killed, invocationId: "somebody" });
    expect(answer.accepted).toBe(false);
    expect(play.kv).toEqual(before);
  });
});
