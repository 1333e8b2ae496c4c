import { describe, expect, it } from "vitest";
import { Crew } from "./fleet.ts";
import { beginRollback, cancel, Play, ready } from "./machines.ts";

describe("a lane that has said nothing of its grant is asked, though none of its Deploys has a result", () => {
  it("where others free places for which it has slots", () => {
    const play = new Play();
    const crew = Crew.of(play, 3_000, 231);
    crew.calm();
    const [driver, slow] = crew.lanes;
    if (driver === undefined || slow === undefined) throw new Error("there are not two lanes");
    expect(slow.flying.size).toBe(103);
    // The driver's own lane comes to the end of its life.
    while (driver.launched.length < 256) {
      play.now += 600;
      crew.say(driver, [...driver.flying.keys()].slice(0, 32).map(ready));
      crew.calm();
    }
    expect(crew.flying).toBe(231);
    play.now += 600;
    crew.say(driver, [...driver.flying.keys()].slice(0, 3).map(ready), { due: true });
    crew.rest();
    expect(crew.flying).toBe(231);
    expect(slow.flying.size).toBe(106);
  });

  it("where a Deploy settles after a rollback has granted all that there was", () => {
    const play = new Play();
    const crew = Crew.of(play, 20, 20);
    crew.calm();
    crew.say(crew.driver, [...crew.driver.flying.keys()].slice(0, 15).map(ready));
    play.do(cancel());
    const back = new Crew(play, play.drives(beginRollback(), 20));
    back.say(back.driver, [], { opens: { wave: 0, window: 20 } });
    back.rest();
    expect(back.flying).toBe(15);
    const [late = ""] = crew.driver.flying.keys();
    crew.say(crew.driver, [ready(late)], { due: true });
    back.rest();
    expect(back.driver.flying.has(late)).toBe(true);
  });
});
