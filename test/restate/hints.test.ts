import { describe, expect, it } from "vitest";
import { createHints } from "../../src/deploy/hints.ts";

describe("a listening", () => {
  it("tells what there was to see before anybody asked, however long ago it was expected", async () => {
    const hints = createHints(0);
    const listening = hints.expect("sen_1");
    expect(hints.tell("sen_1")).toBe(true);
    expect(await listening.next()).toBe(true);
  });

  it("tells nobody any more once the patience is over: then the Deploy has to be woken", async () => {
    const hints = createHints(0);
    const listening = hints.expect("sen_1");
    expect(await listening.next()).toBe(false);
    expect(hints.tell("sen_1")).toBe(false);
  });

  it("is for its own sentinel alone, and for every Deploy that expects it", async () => {
    const hints = createHints(60_000);
    const [one, other] = [hints.expect("sen_1"), hints.expect("sen_1")];
    expect(hints.tell("sen_2")).toBe(false);
    const both = Promise.all([one.next(), other.next()]);
    hints.tell("sen_1");
    expect(await both).toEqual([true, true]);
    one.end();
    other.end();
    expect(hints.tell("sen_1")).toBe(false);
  });

  it("spares the wake-up for what a Deploy has just seen converge, and for nothing else", () => {
    const hints = createHints();
    const [uid, generation] = ["a", 3];
    const deploy = hints.expect("sen_1");
    deploy.saw({ uid, generation });
    deploy.end();
    expect(hints.tell("sen_1", { uid, generation })).toBe(true);
    expect(hints.tell("sen_1", { uid, generation: 2 })).toBe(true);
    expect(hints.tell("sen_1", { uid, generation: 4 })).toBe(false);
    expect(hints.tell("sen_1", { uid: "created again", generation: 1 })).toBe(false);
    expect(hints.tell("sen_2", { uid, generation })).toBe(false);
    // What is no convergence may be trouble that the next Deploy waits for.
    expect(hints.tell("sen_1")).toBe(false);
  });

  it("wakes the next Deploy, which may wait for the same update to come up again", () => {
    const hints = createHints();
    const [first, update] = [hints.expect("sen_1"), { uid: "a", generation: 3 }];
    first.saw(update);
    first.end();
    hints.expect("sen_1").end();
    expect(hints.tell("sen_1", update)).toBe(false);
    // An attempt of the first one that is over, and still looks.
    first.saw(update);
    expect(hints.tell("sen_1", update)).toBe(false);
  });

  it("wakes once what was seen is some time ago, or forgotten", () => {
    const update = { uid: "a", generation: 1 };
    const quick = createHints(undefined, 0);
    const deploy = quick.expect("sen_1");
    deploy.saw(update);
    deploy.end();
    expect(quick.tell("sen_1", update)).toBe(false);
    const { tell, expect: listen } = createHints();
    for (let i = 0; i < 10_000; i++) {
      const each = listen(`sen_${i}`);
      each.saw(update);
      each.end();
    }
    expect(tell("sen_9999", update)).toBe(true);
    expect(tell("sen_0", update)).toBe(false);
  });
});
