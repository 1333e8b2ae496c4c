import { describe, expect, it } from "vitest";
import { timeLeft } from "../../src/domain/progress.ts";
import type { Drive, RolloutState } from "../../src/domain/state.ts";

const drive: Drive = { invocationId: "inv", signal: "sig", startedAtMs: 1_000_000, firstWave: 1 };

/** Five waves; the drive began with the second, and two of its waves took 10 s each: the fourth runs since 1,020,000. */
const rollout: RolloutState = {
  rolloutId: "r",
  state: "in_progress",
  image: "sentinel:v2",
  previousImages: {},
  wavePercentages: [20, 40, 60, 80, 100],
  waves: [["a"], ["b"], ["c"], ["d"], ["e"]],
  currentWave: 3,
  succeededIds: ["a", "b", "c"],
  failedIds: [],
  skippedIds: [],
  skipReasons: {},
  failureReasons: {},
  revertedIds: [],
  totalSentinels: 5,
  startedAtMs: 0,
  waveStartedAtMs: 1_020_000,
  pauseReason: "",
};

describe("the time left", () => {
  it("is that of the rest of this wave and of the waves after it, from the waves that this drive has done", () => {
    expect(timeLeft(rollout, drive, 1_024_000)).toBe(6_000 + 10_000);
  });

  it("is never less than that of the waves after it, however long this one takes", () => {
    expect(timeLeft(rollout, drive, 2_000_000)).toBe(10_000);
  });

  it("is unknown while this drive has done no wave: what came before a pause tells nothing", () => {
    expect(timeLeft(rollout, { ...drive, firstWave: 3 }, 1_024_000)).toBeUndefined();
  });

  it.each(["paused", "completed", "cancelled", "rolling_back"] as const)(
    "is unknown when it is %s",
    (state) => {
      expect(timeLeft({ ...rollout, state }, drive, 1_024_000)).toBeUndefined();
    },
  );

  it("is unknown without a drive", () => {
    expect(timeLeft(rollout, undefined, 1_024_000)).toBeUndefined();
  });
});
