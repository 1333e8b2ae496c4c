import { describe, expect, it } from "vitest";
import type { Lane } from "../../src/domain/drive-state.ts";
import { LANE_SLOTS, lifeLeft, MOST_LANES } from "../../src/domain/lane-life.ts";
import { newLane } from "../../src/domain/new-lane.ts";
import { Crew } from "./fleet.ts";
import { Play, ready } from "./machines.ts";

/**
 * Entries in the journal of a lane, at most: the call of a Deploy has three, with its id and its result; a report has as many, and
 * two timers and a bell besides.
 */
const entriesOf = (launched: number, reports: number) => 3 * launched + 8 * reports;

describe("the journal of a lane has at most 5,000 entries", () => {
  it("where each result comes alone", () => {
    const play = new Play();
    const crew = Crew.of(play, 3_000, 200);
    while (play.phase === "in_progress") {
      crew.calm();
      for (const lane of crew.lanes) {
        const [id] = lane.flying.keys();
        if (id !== undefined) crew.say(lane, [ready(id)], { due: true });
      }
    }
    expect(play.phase).toBe("completed");
    for (const { launched, reports } of crew.lanes) {
      expect(entriesOf(launched.length, reports)).toBeLessThanOrEqual(5_000);
    }
  });

  it("where no more lanes can be opened, and this one has to go on", () => {
    const lanes = Object.fromEntries(Array.from({ length: MOST_LANES }, (_, n) => [n, newLane("forward")]));
    let lane: Lane = newLane("forward");
    // It launches whatever it may, and all but one come back, 32 in a report.
    for (let left = lifeLeft({ lanes }, lane, false); left > 0; left = lifeLeft({ lanes }, lane, false)) {
      const launched = Math.min(left, LANE_SLOTS - lane.out);
      lane = {
        ...lane,
        launched: lane.launched + launched,
        seq: lane.seq + Math.ceil(launched / 32),
        out: 1,
      };
    }
    expect(lane.launched).toBeGreaterThan(640);
    expect(entriesOf(lane.launched, lane.seq + 2 * lane.out)).toBeLessThanOrEqual(5_000);
  });
});
