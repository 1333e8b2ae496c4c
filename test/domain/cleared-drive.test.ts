import { describe, expect, it } from "vitest";
import { Crew } from "./fleet.ts";
import { abandon, beginRollback, cancel, failed, Play, pause, ready, resume, reverted } from "./machines.ts";

/** Somebody clears the key in the State tab. */
function clear(play: Play): void {
  const kv = new Map(play.kv);
  kv.delete("drive");
  play.kv = kv;
}

function paused(): Play {
  const play = new Play();
  const crew = Crew.of(play, 3, 3);
  crew.calm();
  const [one = "", two = "", three = ""] = [...crew.driver.flying.keys()];
  crew.say(crew.driver, [ready(one), ready(two), failed(three)]);
  expect(play.head).toMatchObject({ state: "paused", waves: [{ succeeded: 2, failed: 1 }] });
  return play;
}

/** One has its result and the others do not, in mid-wave. */
function inMidWave(): { play: Play; crew: Crew } {
  const play = new Play();
  const crew = Crew.of(play, 3, 3);
  crew.calm();
  const [one = ""] = [...crew.driver.flying.keys()];
  crew.say(crew.driver, [ready(one)]);
  play.now += 2_000;
  crew.say(crew.driver, [], { due: true });
  expect(play.head).toMatchObject({ state: "in_progress", waves: [{ succeeded: 1 }] });
  return { play, crew };
}

/** Reverts all that it is told to. */
function rollBack(play: Play): void {
  const back = new Crew(play, play.drives(beginRollback(), 10));
  back.say(back.driver, [], { opens: { wave: 0, window: 10 } });
  back.calm();
  back.say(back.driver, [...back.driver.flying.keys()].map(reverted));
}

describe("a rollout whose drive was cleared", () => {
  it("is rolled back, cancelled first or not", () => {
    for (const first of [[], [cancel()]]) {
      const play = paused();
      clear(play);
      for (const event of first) play.do(event);
      rollBack(play);
      expect(play.head).toMatchObject({
        state: "cancelled",
        waves: [{ succeeded: 2, failed: 1, reverted: 2 }],
      });
    }
  });

  it("goes on", () => {
    const play = paused();
    clear(play);
    play.drives(resume());
    expect(play.phase).toBe("completed");
  });

  it.each([
    ["a Pause", pause()],
    ["its watchdog", abandon()],
  ])("in mid-wave is paused by %s, and those in flight are deployed again by Resume", (_, event) => {
    const { play, crew } = inMidWave();
    clear(play);
    play.do(event);
    expect(play.phase).toBe("paused");
    expect(play.numbers).toMatchObject({ succeeded: 1, inFlight: 0, waiting: 2 });
    const goesOn = new Crew(play, play.drives(resume()));
    goesOn.say(goesOn.driver, [], { opens: { wave: 0, window: 3 } });
    goesOn.calm();
    expect(goesOn.flying).toBe(2);
    // What is left of the drive that was lost is told that it is over, and takes nothing from the new one.
    expect(crew.say(crew.driver, [...crew.driver.flying.keys()].map(ready)).over).toBe(true);
    expect(play.numbers).toMatchObject({ succeeded: 1, inFlight: 2 });
    goesOn.say(goesOn.driver, [...goesOn.driver.flying.keys()].map(ready));
    expect(play.phase).toBe("completed");
  });

  it("in mid-wave is cancelled, and a rollback asks the rows of those without a result", () => {
    const { play } = inMidWave();
    clear(play);
    play.do(cancel());
    expect(play.phase).toBe("cancelled");
    rollBack(play);
    expect(play.head.waves[0]).toMatchObject({ reverted: 3 });
  });

  it("tells the history what is newer than all that it was told before", () => {
    const { play } = inMidWave();
    const { revision = 0 } = play.drive ?? {};
    clear(play);
    const { history } = play.do(cancel());
    expect(history.map((each) => each.revision).every((each) => each > revision)).toBe(true);
    expect(history.length).toBeGreaterThan(0);
  });
});
