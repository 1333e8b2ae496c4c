import { describe, expect, it } from "vitest";
import type { Event } from "../../src/domain/event.ts";
import { failed, type Play, pause, ready, resume, retryFailed } from "./machines.ts";
import { broke, inSecond, kindOf, passes, recovers, running, seen, soaking, WHY } from "./regressing.ts";

describe("max_regressions", () => {
  it.each([
    [undefined, 1],
    [0, 1],
    [1, 2],
    [2, 3],
    ["34%", 2],
    ["33%", 1],
    ["67%", 3],
  ])("of %s of three pauses at %i", (maxRegressions, at) => {
    const [play] = soaking(maxRegressions === undefined ? {} : { maxRegressions });
    const ids = ["a", "b", "c"].slice(0, at);
    for (const id of ids.slice(0, -1)) broke(play, id);
    expect(play.head.state).toBe("in_progress");
    broke(play, ids.at(-1) ?? "");
    expect(kindOf(play)).toBe("regression");
  });

  it("of all that took the image, not only of the wave", () => {
    const [play, driver] = inSecond({ maxRegressions: "25%" }, 2);
    broke(play, "a");
    // One of three.
    expect(play.view.phase).toBe("pausing");
    driver.report([ready("d"), ready("e")]);
    expect(kindOf(play)).toBe("regression");
    const [other, second] = inSecond({ maxRegressions: "25%" }, 2);
    second.report([ready("d"), ready("e")]);
    broke(other, "a");
    // One of five.
    expect(other.head.state).toBe("in_progress");
    expect(other.view.regressed).toBe(1);
  });

  it("counts one that is told twice once", () => {
    const [play] = soaking({ maxRegressions: 1 });
    broke(play, "a");
    broke(play, "a");
    play.do({ ...seen(play, { broken: ["a", "a"] }), recovered: ["a"] } as Event);
    expect(play.head.regressions).toMatchObject({ found: 1, all: 1 });
    expect(play.head.state).toBe("in_progress");
  });
});

describe("a Resume", () => {
  function acknowledged(): Play {
    const [play] = soaking();
    play.now += 10_000;
    broke(play, "a");
    play.do(resume());
    return play;
  }

  it("acknowledges those that were found, and goes on with what is left of the soak", () => {
    const play = acknowledged();
    expect(play.head.regressions).toMatchObject({ round: 2, all: 1 });
    expect(play.head.regressions?.found).toBeUndefined();
    expect(play.head.soakUntilMs).toBe(play.now + 50_000);
    // Said once more it is nothing new: at the end of the soak all of them are looked at.
    broke(play, "a");
    expect(play.head.state).toBe("in_progress");
    passes(play);
    expect(play.head.currentWave).toBe(1);
  });

  it("does not acknowledge the next one", () => {
    const play = acknowledged();
    broke(play, "a", "b");
    expect(kindOf(play)).toBe("regression");
    expect(play.head.pauseReason).toContain("1 of 3 that took the image regressed (budget 0)");
    expect(play.head.regressions).toMatchObject({ round: 2, found: 1, all: 2 });
  });

  it("nor one that recovered and broke again", () => {
    const play = acknowledged();
    recovers(play, "a");
    expect(play.head.state).toBe("in_progress");
    expect(play.head.regressions).toMatchObject({
      all: 1,
      recovered: 1,
      newest: [{ id: "a", recovered: true }],
    });
    broke(play, "a");
    expect(kindOf(play)).toBe("regression");
    expect(play.head.regressions).toMatchObject({ round: 2, found: 1, all: 1 });
    expect(play.head.regressions?.recovered).toBeUndefined();
  });

  it("acknowledges what was found while it was paused for something else", () => {
    const [play] = soaking();
    play.do(pause());
    broke(play, "a");
    expect(play.told).toEqual(["regressed"]);
    expect(play.head).toMatchObject({ pauseKind: "operator", regressions: { found: 1 } });
    play.do(resume());
    expect(play.head.state).toBe("in_progress");
    passes(play);
    expect(play.head.currentWave).toBe(1);
  });

  it("and a RetryFailed alike, also in the middle of a wave", () => {
    const [play, driver] = running({ maxFailures: 1 });
    driver.report([ready("a")]);
    broke(play, "a");
    driver.report([failed("b")]);
    expect(kindOf(play)).toBe("regression");
    const retry = play.drives(retryFailed({ resume: true }), 1);
    retry.open(0);
    expect([...retry.flying.keys()]).toEqual(["b"]);
    expect(play.head.regressions?.found).toBeUndefined();
    broke(play, "a");
    expect(play.view.phase).toBe("retrying");
  });
});

describe("one that recovers", () => {
  it("is marked as recovered, in its part and in the head, and still counts as found", () => {
    const [play] = soaking({ maxRegressions: 1 });
    broke(play, "a");
    recovers(play, "a", "b");
    expect(play.part("1/1").a?.regressed).toMatchObject({ recovered: true });
    expect(play.part("1/1").b?.regressed).toBeUndefined();
    expect(play.head.regressions).toMatchObject({
      ...{ found: 1, all: 1, recovered: 1 },
      newest: [{ id: "a", why: WHY, recovered: true }],
    });
    const { kv } = play;
    recovers(play, "a");
    expect(play.kv.get("rolloutState")).toEqual(kv.get("rolloutState"));
  });

  it("does not end the pause that it was the reason for", () => {
    const [play] = soaking();
    broke(play, "a");
    recovers(play, "a");
    expect(play.told).toEqual([]);
    expect(kindOf(play)).toBe("regression");
  });
});
