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
});
