import { describe, expect, it } from "vitest";
import type { Driver } from "../../src/domain/drive-state.ts";
import type { RolloutState } from "../../src/domain/state.ts";
import { timeLeft } from "../../src/domain/time-left.ts";
import { begin, failed, Play, pause, ready, resume } from "./machines.ts";

const drive: Driver = { invocationId: "inv", lane: 1, startedAtMs: 1_000_000, firstWave: 1 };
const wave = { size: 1, succeeded: 0, failed: 0, skipped: 0, reverted: 0 };

/** Five waves; the drive began with the second, and two of its waves took 10 s each: the fourth runs since 1,020,000. */
const rollout: RolloutState = {
  rolloutId: "r",
  state: "in_progress",
  image: "sentinel:v2",
  wavePercentages: [20, 40, 60, 80, 100],
  waves: [1, 1, 1, 0, 0].map((succeeded) => ({ ...wave, succeeded })),
  currentWave: 3,
  totalSentinels: 5,
  failures: [],
  skips: [],
  startedAtMs: 0,
  waveStartedAtMs: 1_020_000,
  sinceMs: 1_020_000,
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

/** The same, but each of its waves soaks for a minute, the last one for two: the fourth runs since 1,140,000. */
const soaking: RolloutState = {
  ...{ ...rollout, waveStartedAtMs: 1_140_000, sinceMs: 1_140_000 },
  limits: { soakSeconds: [60, 60, 60, 60, 120] },
};

describe("the time left of a rollout that soaks", () => {
  it("has the soaks of this wave and of the later ones in it, and the past ones make no wave longer", () => {
    expect(timeLeft(soaking, drive, 1_144_000)).toBe(6_000 + 60_000 + 10_000 + 120_000);
  });

  it("in a soak is what is left of it, and the waves after it with theirs", () => {
    const soakUntilMs = 1_210_000;
    expect(timeLeft({ ...soaking, soakUntilMs }, drive, 1_180_000)).toBe(30_000 + 10_000 + 120_000);
  });

  it("in a soak is unknown where no wave is done, but in the last one", () => {
    const first = { ...drive, firstWave: 3 };
    expect(timeLeft({ ...soaking, soakUntilMs: 1_210_000 }, first, 1_180_000)).toBeUndefined();
    const last = { ...soaking, currentWave: 4, soakUntilMs: 1_210_000 };
    expect(timeLeft(last, { ...drive, firstWave: 4 }, 1_180_000)).toBe(30_000);
  });

  it("in a soak whose time is up is never less than nothing", () => {
    const last = { ...soaking, currentWave: 4, soakUntilMs: 1_210_000 };
    expect(timeLeft(last, drive, 1_211_000)).toBe(0);
  });

  it("counts the waves that a drive has deployed, and not the soak with which it began", () => {
    const play = new Play();
    const waves = ["a", "b", "c", "d"].map((id): [string, string][] => [[id, "v1"]]);
    play.drives({ ...begin("rollout-1", waves), limits: { soakSeconds: [100, 100, 100, 100] } });
    play.speakers[0]?.open(0);
    play.now += 7_000;
    play.speakers[0]?.report([ready("a")]);
    play.now += 40_000;
    play.do(pause());
    play.now += 500_000;
    const driver = play.drives(resume());
    const { rolloutId, soakUntilMs: untilMs = 0 } = play.head;
    expect(untilMs).toBe(play.now + 60_000);
    play.now += 60_000;
    play.do({ type: "soakEnds", rolloutId, untilMs });
    expect(play.head.currentWave).toBe(1);
    expect(timeLeft(play.head, play.drive?.forward, play.now)).toBeUndefined();
    driver.open(1);
    play.now += 10_000;
    driver.report([ready("b")]);
    play.now += 100_000;
    play.do({ type: "soakEnds", rolloutId, untilMs: play.now });
    expect(play.head.currentWave).toBe(2);
    expect(timeLeft(play.head, play.drive?.forward, play.now)).toBe(2 * 110_000);
  });

  it("counts likewise where a failed wave soaks once it is resumed", () => {
    const play = new Play();
    const waves = ["a", "b", "c"].map((id): [string, string][] => [[id, "v1"]]);
    play.drives({ ...begin("rollout-1", waves), limits: { soakSeconds: [100, 100, 100] } });
    play.speakers[0]?.open(0);
    play.speakers[0]?.report([failed("a")]);
    const driver = play.drives(resume());
    play.now += 100_000;
    play.do({ type: "soakEnds", rolloutId: play.head.rolloutId, untilMs: play.now });
    driver.open(1);
    play.now += 10_000;
    driver.report([ready("b")]);
    play.now += 100_000;
    play.do({ type: "soakEnds", rolloutId: play.head.rolloutId, untilMs: play.now });
    expect(timeLeft(play.head, play.drive?.forward, play.now)).toBe(110_000);
  });
});
