import { describe, expect, it } from "vitest";
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
