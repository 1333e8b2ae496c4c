import { describe, expect, it } from "vitest";
import { unanswering } from "../../src/domain/overdue.ts";
import { begin, beginRollback, cancel, failed, NOW, type Play, played, ready } from "./machines.ts";

const MINUTE = 60_000;
/** How long a Deploy may take. */
const TIMEOUT_MS = 10 * MINUTE;
/** A Deploy of its sentinel may be before it. */
const LATEST_MS = 2 * TIMEOUT_MS + MINUTE;

const told = (story: (play: Play) => unknown, ms: number) => {
  const { rollout, drive } = played(story);
  return unanswering(rollout, drive, NOW + ms, TIMEOUT_MS);
};
const second = (play: Play) => play.second();

describe("who does not answer, where no watchdog says so", () => {
  it("is nobody while Deploys may still take their time", () => {
    expect(told(second, TIMEOUT_MS)).toEqual([]);
    expect(told(second, LATEST_MS - 1)).toEqual([]);
  });

  it("is a lane with Deploys in flight that has said nothing for longer than they can take", () => {
    expect(told(second, LATEST_MS)).toEqual([{ invocationId: "rollout-1", sinceMs: NOW }]);
  });

  it("is not one that has reported meanwhile", () => {
    const story = (play: Play) => {
      const driver = play.second();
      play.now = NOW + TIMEOUT_MS;
      driver.report([ready("b")]);
    };
    expect(told(story, LATEST_MS)).toEqual([]);
    expect(told(story, TIMEOUT_MS + LATEST_MS)).toEqual([
      { invocationId: "rollout-1", sinceMs: NOW + TIMEOUT_MS },
    ]);
  });

  it("is also a lane of a cancelled rollout whose Deploys nobody hears of, beside one that rolls back", () => {
    const cancelled = (play: Play) => [play.second(), play.do(cancel())];
    expect(told(cancelled, LATEST_MS)).toEqual([{ invocationId: "rollout-1", sinceMs: NOW }]);
    const back = (play: Play) => {
      cancelled(play);
      play.now = NOW + LATEST_MS;
      play.drives(beginRollback()).open(0);
    };
    expect(told(back, LATEST_MS)).toEqual([{ invocationId: "rollout-1", sinceMs: NOW }]);
  });

  it("is the driver that has nothing in flight, and does not begin its wave either", () => {
    const begun = (play: Play) => play.drives(begin());
    expect(told(begun, LATEST_MS - 1)).toEqual([]);
    expect(told(begun, LATEST_MS)).toEqual([{ invocationId: "rollout-1", sinceMs: NOW }]);
  });

  it("is nobody in a soak, after a pause, and where all is over", () => {
    const day = 86_400_000;
    const soaking = (play: Play) => {
      const driver = play.drives({ ...begin(), limits: { soakSeconds: [86_400, 86_400] } });
      driver.open(0);
      driver.report([ready("a")]);
    };
    expect(told(soaking, day - 1)).toEqual([]);
    expect(told((play) => play.begun().report([failed("a")]), day)).toEqual([]);
    expect(told((play) => play.second().report([ready("b"), ready("c")]), day)).toEqual([]);
    expect(unanswering(undefined, undefined, day, TIMEOUT_MS)).toEqual([]);
  });

  it("is who the watchdog says, at once and with its reason", () => {
    const silent = [{ invocationId: "rollout-1", sinceMs: 0, why: "it is paused" }];
    const story = (play: Play) => {
      play.second();
      play.do({ type: "silent", rolloutId: play.head.rolloutId, silent });
    };
    expect(told(story, 0)).toEqual(silent);
  });
});
