import { describe, expect, it } from "vitest";
import type { Drive } from "../../src/domain/drive-state.ts";
import { Crew } from "./fleet.ts";
import { Play, ready } from "./machines.ts";
import type { Speaker } from "./speaker.ts";

/**
 * Entries in the journal of a lane, at most: the call of a Deploy has three, with its id and its result; a report has as many, and
 * two timers and a bell besides.
 */
const entriesOf = ({ launched, reports }: Speaker) => 3 * launched.length + 8 * reports;

const AGE = 600;

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
    for (const lane of crew.lanes) expect(entriesOf(lane)).toBeLessThanOrEqual(5_000);
  });

  it("where each lane has one Deploy that hangs, so that no more lanes can be opened", () => {
    const play = new Play();
    const does = play.do.bind(play);
    play.do = (...event) => {
      const done = does(...event);
      age(play);
      return done;
    };
    const crew = Crew.of(play, 10_000, 256);
    for (let before = -1; crew.launched > before; ) {
      before = crew.launched;
      crew.calm();
      for (const lane of crew.lanes) {
        const [first, ...others] = lane.flying.keys();
        if (first !== undefined) crew.say(lane, others.slice(0, 32).map(ready));
      }
    }
    expect(crew.launched).toBe(10_000);
    expect(crew.lanes.length).toBe(90);
    for (const lane of crew.lanes.slice(1)) expect(entriesOf(lane) + 3 * AGE).toBeLessThanOrEqual(5_000);
  });
});

/** Lanes that are opened have launched so many already: otherwise it takes a fleet of 60,000 until there are 90. */
function age(play: Play): void {
  const drive = play.kv.get("drive") as Drive | undefined;
  const lanes = Object.entries(drive?.lanes ?? {}).map(([n, lane]) => {
    const isNew = lane.launched === 0 && drive?.forward?.lane !== Number(n);
    return [n, isNew ? { ...lane, launched: AGE } : lane];
  });
  play.kv = new Map([...play.kv, ["drive", { ...drive, lanes: Object.fromEntries(lanes) }]]);
}
