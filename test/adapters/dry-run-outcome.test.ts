import { describe, expect, it } from "vitest";
import { parseFault } from "../../src/local-stack/faults.ts";
import { unexpected } from "../../src/local-stack/outcome.ts";

const IDS = ["sen_1", "sen_2", "sen_3", "sen_4"];
const WAVES = [2, 2];

/** What a dry run objects to when these failed in this wave (none: the last one completed). */
function objection(faults: string[], failing: string[], wave = 2): string | undefined {
  const response = {
    state: failing.length > 0 ? "paused" : "completed",
    wave,
    failed: failing.length,
    failures: failing.map((sentinel_id) => ({ sentinel_id, reason: "…" })),
  } as const;
  return unexpected(response, faults.map(parseFault), IDS, WAVES);
}

describe("a dry run is as it was told to be", () => {
  it.each([
    ["nothing fails", [], []],
    ["what must fail fails", ["sen_3"], ["sen_3"]],
    ["a fault that heals lets its sentinel come up", ["sen_3:ImagePullBackOff:5"], []],
    ["or fail, where that takes too long", ["sen_3:ImagePullBackOff:900"], ["sen_3"]],
    ["a crash comes too late", ["sen_4:crash-after:20"], []],
    ["or in the middle of the update", ["sen_3", "sen_4:crash-after:1"], ["sen_3", "sen_4"]],
  ])("when %s", (_, faults, failing) => expect(objection(faults, failing)).toBeUndefined());

  it("when a wave stops it before the others that must fail", () => {
    expect(objection(["sen_1", "sen_3"], ["sen_1"], 1)).toBeUndefined();
  });
});

describe("a dry run is not as it was told to be", () => {
  it.each([
    ["what must fail does not", ["sen_3"], [], /^expected the rollout to end paused, it ended completed$/],
    ["something else fails", ["sen_3"], ["sen_3", "sen_4"], /^expected sen_3 to fail, not 2: sen_3, sen_4$/],
    ["what is slow fails", ["sen_3:slow:1"], ["sen_3"], /^expected the rollout to end completed, it ended/],
    ["only one of two fails", ["sen_3", "sen_4"], ["sen_4"], /^expected sen_3, sen_4 to fail, not 1: sen_4$/],
  ])("when %s", (_, faults, failing, text) => expect(objection(faults, failing)).toMatch(text));

  it("when a wave passed in which one must fail", () => {
    expect(objection(["sen_1", "sen_3"], ["sen_3"])).toBe("expected sen_1, sen_3 to fail, not 1: sen_3");
  });
});
