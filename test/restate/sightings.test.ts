import { describe, expect, it } from "vitest";
import { createSightings } from "../../src/deploy/local-wake-ups.ts";

describe("a sighting", () => {
  it("tells what there was to see before anybody asked, however long ago it was expected", async () => {
    const sightings = createSightings(0);
    const sighting = sightings.expect("sen_1");
    expect(sightings.tell("sen_1")).toBe(true);
    expect(await sighting.next()).toBe(true);
  });

  it("tells nobody any more once the patience is over: then the Deploy has to be woken", async () => {
    const sightings = createSightings(0);
    const sighting = sightings.expect("sen_1");
    expect(await sighting.next()).toBe(false);
    expect(sightings.tell("sen_1")).toBe(false);
  });

  it("is for its own sentinel alone, and for every Deploy that expects it", async () => {
    const sightings = createSightings(60_000);
    const [one, other] = [sightings.expect("sen_1"), sightings.expect("sen_1")];
    expect(sightings.tell("sen_2")).toBe(false);
    const both = Promise.all([one.next(), other.next()]);
    sightings.tell("sen_1");
    expect(await both).toEqual([true, true]);
    one.end();
    other.end();
    expect(sightings.tell("sen_1")).toBe(false);
  });
});
