import { describe, expect, it } from "vitest";
import type { Event } from "../../src/domain/event.ts";
import type { PauseKind } from "../../src/domain/state.ts";
import {
  abandon,
  beginRollback,
  cancel,
  failed,
  interrupt,
  NOW,
  type Play,
  pause,
  ready,
  resume,
  retryFailed,
  reverted,
} from "./machines.ts";
import { broke, inSecond, kindOf, passes, running, soaking } from "./regressing.ts";

describe("on_failure: rollback", () => {
  const onFailure = { onFailure: "rollback" } as const;
  type Story = () => Play;
  const stories: [string, PauseKind, boolean, Story][] = [
    [
      "a regression",
      "regression",
      true,
      () => {
        const [play] = soaking(onFailure);
        broke(play, "a");
        return play;
      },
    ],
    [
      "a failed wave",
      "failure",
      true,
      () => {
        const [play, driver] = running(onFailure, 3);
        driver.report([failed("a"), ready("b"), ready("c")]);
        return play;
      },
    ],
    [
      "a failed wave, of which some were away",
      "failure",
      true,
      () => {
        const [play, driver] = running(onFailure, 3);
        driver.report([failed("a"), { ...failed("b"), away: true }, ready("c")]);
        return play;
      },
    ],
    [
      "a cluster that is away",
      "failure",
      false,
      () => {
        const [play, driver] = running(onFailure, 3);
        driver.report([{ ...failed("a"), away: true }, { ...failed("b"), away: true }, ready("c")]);
        return play;
      },
    ],
    [
      "an exceeded budget",
      "budget",
      true,
      () => {
        const [play, driver] = running({ ...onFailure, maxFailures: 0 }, 3);
        driver.report([failed("a"), ready("b"), ready("c")]);
        return play;
      },
    ],
    [
      "a budget that a cluster that is away exceeds",
      "budget",
      false,
      () => {
        const [play, driver] = running({ ...onFailure, maxFailures: 0 }, 3);
        driver.report([{ ...failed("a"), away: true }, ready("b"), ready("c")]);
        return play;
      },
    ],
    [
      "a budget that is exceeded once those that were away are acknowledged",
      "budget",
      true,
      () => {
        const [play, driver] = running({ ...onFailure, maxFailures: 0 });
        driver.report([{ ...failed("a"), away: true }]);
        const on = play.drives(resume(), 1);
        on.open(0);
        on.report([failed("b")]);
        return play;
      },
    ],
    [
      "a kill",
      "interrupted",
      false,
      () => {
        const [play] = soaking(onFailure);
        play.do(abandon("rollout-1"));
        return play;
      },
    ],
    [
      "a cancelled drive",
      "interrupted",
      false,
      () => {
        const [play] = soaking(onFailure);
        play.do(interrupt("rollout-1"));
        return play;
      },
    ],
    [
      "an operator's Pause",
      "operator",
      false,
      () => {
        const [play] = soaking(onFailure);
        play.do(pause());
        return play;
      },
    ],
    [
      "a regression, and an operator's Pause before what is in flight has settled",
      "regression",
      false,
      () => {
        const [play, driver] = inSecond(onFailure);
        broke(play, "a");
        play.do(pause());
        driver.report([ready("d")]);
        return play;
      },
    ],
    [
      "a failure while an operator's Pause waits",
      "budget",
      false,
      () => {
        const [play, driver] = running({ ...onFailure, maxFailures: 0 });
        play.do(pause());
        driver.report([failed("a")]);
        return play;
      },
    ],
    [
      "a freeze",
      "freeze",
      false,
      () => {
        const [play] = soaking(onFailure);
        play.do({ type: "freeze", id: "freeze-1", reason: "why" });
        passes(play);
        return play;
      },
    ],
    [
      "a retry that failed again",
      "failure",
      false,
      () => {
        const [play, driver] = running(onFailure, 3);
        driver.report([failed("a"), ready("b"), ready("c")]);
        const retry = play.drives(retryFailed({ resume: true }));
        retry.open(0);
        retry.report([failed("a")]);
        return play;
      },
    ],
    [
      "a regression after a retry that came up",
      "regression",
      true,
      () => {
        const [play, driver] = running(onFailure, 3);
        driver.report([failed("a"), ready("b"), ready("c")]);
        const retry = play.drives(retryFailed({ resume: true }));
        retry.open(0);
        retry.report([ready("a")]);
        broke(play, "a");
        return play;
      },
    ],
  ];

  it.each(stories)("after %s (%s): %s", (_, kind, rollsBack, story) => {
    const play = story();
    expect(kindOf(play)).toBe(kind);
    const expected = { rolloutId: play.head.rolloutId, pausedMs: play.head.sinceMs };
    expect(play.last?.rollsBack).toEqual(rollsBack ? expected : undefined);
  });

  const itself = (play: Play, ofPause = play.head.sinceMs): Event => ({
    ...beginRollback("by itself"),
    ofPause,
    seen: { rolloutId: play.head.rolloutId },
  });

  it("reverts all that took the image, who regressed included", () => {
    const [play] = soaking(onFailure);
    broke(play, "a");
    play.now += 5;
    const back = play.drives(itself(play) as never);
    back.open(0);
    expect([...back.flying.keys()].sort()).toEqual(["a", "b", "c"]);
    back.report(["a", "b", "c"].map(reverted));
    expect(play.phase).toBe("cancelled");
  });

  it("never follows a Resume of the same pause, nor is done twice", () => {
    const [play] = soaking(onFailure);
    broke(play, "a");
    const late = itself(play);
    play.now += 5;
    play.do(resume());
    expect(() => play.do(late)).toThrow("RollbackAll is not legal");
    play.now += 5;
    broke(play, "b");
    expect(kindOf(play)).toBe("regression");
    // It is another pause by now.
    expect(() => play.do(late)).toThrow("RollbackAll is not legal");
    const own = itself(play);
    play.drives(own as never).open(0);
    expect(() => play.do(own)).toThrow("RollbackAll is not legal");
    const [other] = soaking(onFailure);
    broke(other, "a");
    const overtaken = itself(other);
    other.do(cancel());
    expect(() => other.do(overtaken)).toThrow("RollbackAll is not legal");
  });

  it("never follows a Pause that came before it began, which is told", () => {
    const [play] = soaking(onFailure);
    broke(play, "a");
    const late = itself(play);
    const { pauseReason } = play.head;
    play.now += 5;
    const { answer, notifications } = play.do({ type: "pause", operator: "alice", comment: "wait" });
    expect(answer.view).toMatchObject({ state: "paused", pauseKind: "regression" });
    expect(answer.view?.rollsBack).toBeUndefined();
    expect(play.head.pauseReason).toBe(`${pauseReason}; alice paused it: wait`);
    expect(notifications).toMatchObject([{ kind: "paused", reason: play.head.pauseReason }]);
    expect(notifications[0]).not.toHaveProperty("rollsBack");
    expect(() => play.do(late)).toThrow("RollbackAll is not legal");
    expect(play.do({ type: "pause" }).notifications).toEqual([]);
  });

  it("is not asked for where nothing asks for it", () => {
    const [play] = soaking();
    broke(play, "a");
    expect(play.last?.rollsBack).toBeUndefined();
  });

  it("is a moment of its own: the pause of another rollout is none of this one's", () => {
    const [play] = soaking(onFailure);
    broke(play, "a");
    expect(play.head.sinceMs).toBeGreaterThanOrEqual(NOW);
    const event = { ...itself(play), seen: { rolloutId: "another" } } as Event;
    expect(() => play.do(event)).toThrow();
  });
});
