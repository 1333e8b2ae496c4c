import { describe, expect, it } from "vitest";
import { AT_WORK_MS, MOST_AT_WORK } from "../../src/domain/pace.ts";
import { Crew } from "./fleet.ts";
import { beginRollback, cancel, Play, ready } from "./machines.ts";

/** A wave with a wide window of which nothing more may be launched in this moment. */
function atPace(size = 3_000, window = 2_000): { play: Play; crew: Crew } {
  const play = new Play();
  const crew = Crew.of(play, size, window);
  crew.rest();
  return { play, crew };
}

/** Moves on to the moment for which a lane was told to report. @returns the ms that passed */
function next({ play, crew }: { play: Play; crew: Crew }): number {
  const { paced } = play.drive ?? {};
  const lane = crew.lanes.find((each) => each.lane === paced?.lane);
  if (paced === undefined || lane === undefined) throw new Error("no lane is to report");
  const before = play.now;
  play.now = paced.untilMs;
  crew.say(lane, [], { due: true });
  crew.rest();
  return play.now - before;
}

describe("the pace", () => {
  it("has no more than 128 launched at once, and as many again in 0.37 s, until the window is full", () => {
    const wave = atPace();
    const { play, crew } = wave;
    expect([MOST_AT_WORK, AT_WORK_MS]).toEqual([128, 370]);
    expect(crew.flying).toBe(MOST_AT_WORK);
    const launched = [{ atMs: play.now, n: crew.launched }];
    while (crew.flying < 2_000) {
      expect(next(wave)).toBeLessThanOrEqual(AT_WORK_MS);
      launched.push({ atMs: play.now, n: crew.launched });
    }
    for (const [i, { atMs, n }] of launched.entries()) {
      const lately = launched.slice(0, i).filter((each) => each.atMs <= atMs - AT_WORK_MS);
      expect(n - (lately.at(-1)?.n ?? 0)).toBeLessThanOrEqual(MOST_AT_WORK);
    }
    expect(play.now - (launched[0]?.atMs ?? 0)).toBeLessThanOrEqual(20 * AT_WORK_MS);
    expect(play.drive?.paced).toBeUndefined();
  });

  it("holds back nothing where Deploys settle at once: a result is followed by a launch", () => {
    const { play, crew } = atPace();
    for (let n = 0; n < 40; n++) {
      play.now += 20;
      crew.settle(32);
      crew.rest();
      expect(crew.flying).toBeLessThanOrEqual(MOST_AT_WORK);
      expect(crew.flying).toBeGreaterThan(MOST_AT_WORK - 16);
    }
  });

  it("nor where hundreds are slow: the place of one that settles is taken at once", () => {
    const { play, crew } = atPace(3_000, 1_000);
    crew.calm();
    expect(crew.flying).toBe(1_000);
    play.now += AT_WORK_MS;
    for (let n = 0; n < 8; n++) {
      crew.settle(16);
      crew.rest();
      expect(crew.flying).toBe(1_000);
    }
  });

  it("lets no more be in flight where hundreds settle in a second, and more where few do", () => {
    const { play, crew } = atPace(20_000);
    for (let n = 0; n < 60; n++) {
      play.now += 110;
      crew.settle(32);
      crew.rest();
      // They are counted when they are reported, and so a little late.
      expect(crew.flying).toBeLessThanOrEqual(1.5 * MOST_AT_WORK);
    }
    for (let n = 0; n < 120; n++) {
      play.now += 160;
      crew.settle(16);
      crew.rest();
    }
    expect(crew.flying).toBe(2_000);
  });

  it("does not concern a window that is no wider", () => {
    const { play, crew } = atPace(1_000, MOST_AT_WORK);
    expect(crew.flying).toBe(MOST_AT_WORK);
    expect(play.drive?.moments).toBeUndefined();
    expect(play.drive?.paced).toBeUndefined();
  });

  it("goes on with another lane where the one that is to report does not answer, or is late", () => {
    for (const silent of [true, false]) {
      const wave = atPace();
      const { play, crew } = wave;
      next(wave);
      next(wave);
      const waits = play.drive?.paced?.lane;
      if (silent) {
        const invocationId = play.drive?.lanes[waits ?? 0]?.invocationId ?? "";
        const silence = { invocationId, sinceMs: play.now, why: "it is paused in Restate" };
        play.do({ type: "silent", rolloutId: play.head.rolloutId, silent: [silence] });
      } else {
        play.now += 2 * AT_WORK_MS + 1_000;
      }
      const other = crew.lanes.find(({ lane, flying }) => lane !== waits && flying.size > 0);
      if (other === undefined) throw new Error("there is no other lane");
      const before = crew.launched;
      if (!other.rung) crew.say(other, [...other.flying.keys()].slice(0, 1).map(ready), { due: true });
      crew.rest();
      while (crew.launched < before + 500) {
        expect(play.drive?.paced?.lane).not.toBe(silent ? waits : undefined);
        next(wave);
      }
    }
  });

  it("refills hundreds of places at once where hundreds settle at once beside slow ones", () => {
    const wave = atPace(20_000, 5_000);
    const { play, crew } = wave;
    crew.calm();
    expect(crew.flying).toBe(5_000);
    crew.settle(1_000);
    crew.rest();
    expect(crew.flying).toBeGreaterThan(4_980);
    expect(next(wave)).toBeLessThanOrEqual(AT_WORK_MS);
    expect(crew.flying).toBe(5_000);
    expect(play.numbers.inFlight).toBe(5_000);
  });

  it("is asked for by lanes whose journals take it, and not by the driver where there are others", () => {
    const { play, crew } = atPace(100_000, 400);
    // Each wakes twice a second without a result, and half of the places stay free: nothing settles for an hour.
    const before = crew.driver.reports;
    for (let n = 0; n < 2_000; n++) {
      play.now += 500;
      crew.rest();
      const { paced } = play.drive ?? {};
      const lane = crew.lanes.find((each) => each.lane === paced?.lane);
      if (lane !== undefined && paced !== undefined && paced.untilMs <= play.now)
        crew.say(lane, [], { due: true });
      crew.settle(8);
    }
    expect(crew.driver.reports - before).toBeLessThan(200);
    for (const { launched, reports } of crew.lanes) {
      expect(3 * launched.length + 8 * reports).toBeLessThanOrEqual(5_000);
    }
  });

  it("ends with a Cancel, and holds for the rollback, too", () => {
    const { play, crew } = atPace(1_200, 1_200);
    crew.calm();
    while (crew.flying > 100) crew.settle(64);
    crew.say(crew.driver);
    play.do(cancel());
    expect(play.drive?.paced).toBeUndefined();
    play.now += AT_WORK_MS;
    const back = new Crew(play, play.drives(beginRollback(), 1_200));
    back.say(back.driver, [], { opens: { wave: 0, window: 1_200 } });
    back.rest();
    expect(back.flying).toBeLessThanOrEqual(MOST_AT_WORK);
    back.calm();
    expect(back.flying).toBeGreaterThan(1_000);
  });

  it("is not asked for for ever where a few places stay free", () => {
    for (const window of [129, 200, 257, 300, 511, 1_999, 2_000]) {
      const { play, crew } = atPace(3_000, window);
      crew.calm();
      expect(crew.flying).toBe(window);
      expect(play.drive?.paced).toBeUndefined();
      expect(play.now).toBeLessThan(60_000);
    }
  });
});
