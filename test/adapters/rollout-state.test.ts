import { describe, expect, it } from "vitest";
import { assemble, drivesIn, drivesLeft, type Head, type Part, partOf } from "../support/rollout-state.ts";

const OLD = "x/sentinel:v1";
const HEAD: Head = {
  ...{ rolloutId: "r", state: "in_progress", image: "x/sentinel:v2", wavePercentages: [50, 100] },
  waves: [
    { size: 3, succeeded: 2, failed: 1, skipped: 0, reverted: 1 },
    { size: 3, succeeded: 1, failed: 0, skipped: 1, reverted: 0 },
  ],
  ...{ currentWave: 1, totalSentinels: 6 },
  failures: [{ id: "b", reason: "ImagePullBackOff: in full" }],
  skips: [{ id: "e", reason: "it has no row any more" }],
  ...{ startedAtMs: 1, waveStartedAtMs: 2, sinceMs: 3, pauseReason: "" },
};

function stored(values: Record<string, unknown>) {
  return Object.entries(values).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
}

const PARTS: Record<string, Part> = {
  "rolloutState/wave-2/1": { e: { from: OLD, is: "skipped", why: "it has no row any more" } },
  "rolloutState/wave-1/2": { c: { from: "x/sentinel:v0", is: "succeeded" } },
  "rolloutState/wave-2/10": { f: { from: OLD, is: "waiting" } },
  "rolloutState/wave-2/2": { d: { from: OLD, is: "succeeded" } },
  "rolloutState/wave-1/1": {
    b: { from: OLD, is: "failed", why: "ImagePullBackOff" },
    a: { from: OLD, is: "reverted" },
  },
};

describe("what is assembled of head and parts", () => {
  const state = assemble(stored({ drive: {}, plan: [], ...PARTS, rolloutState: HEAD, "lane/1": {} }));

  it("has the fleet wave by wave, in the order of the parts' numbers and of the keys in them", () => {
    expect(state?.waves).toEqual([
      ["b", "a", "c"],
      ["e", "d", "f"],
    ]);
  });

  it("has the ids by what became of them; who was reverted also succeeded", () => {
    expect(state).toMatchObject({
      succeededIds: ["a", "c", "d"],
      failedIds: ["b"],
      failureReasons: { b: "ImagePullBackOff" },
      skippedIds: ["e"],
      skipReasons: { e: "it has no row any more" },
      revertedIds: ["a"],
      previousImages: { a: OLD, b: OLD, c: "x/sentinel:v0", d: OLD, e: OLD, f: OLD },
    });
  });

  it("has what the head says, and the head itself", () => {
    const { waves: _, failures: _failures, skips: _skips, sinceMs: _since, ...same } = HEAD;
    expect(state).toMatchObject(same);
    expect(state?.head).toEqual(HEAD);
  });

  it("is nothing before the first rollout, whatever else is stored", () => {
    expect(assemble([])).toBeUndefined();
    expect(assemble(stored({ drive: {} }))).toBeUndefined();
  });

  it("has waves whose parts are not there yet, and none that the head does not know", () => {
    const stray = { "rolloutState/wave-3/1": { z: { from: OLD, is: "succeeded" } } };
    const { "rolloutState/wave-1/1": first } = PARTS;
    const values = { rolloutState: HEAD, "rolloutState/wave-1/1": first, ...stray };
    expect(assemble(stored(values))).toMatchObject({ waves: [["b", "a"], []], succeededIds: ["a"] });
  });
});

it("a key is a part's only if it says wave and part, both from 1", () => {
  expect(partOf("rolloutState/wave-12/3")).toEqual({ wave: 12, part: 3 });
  for (const key of ["rolloutState", "rolloutState/wave-0/1", "rolloutState/wave-1/0", "lane/1"]) {
    expect(partOf(key), key).toBeUndefined();
  }
  expect(partOf("rolloutState/wave-1/01")).toBeUndefined();
});

describe("who still drives", () => {
  it("is each lane that lives, and a drive that has not ended", async () => {
    const values = stored({ "lane/1": {}, "lane/12": {}, drive: { forward: {}, rollback: {}, window: 5 } });
    const left = ["lane/1", "lane/12", "forward drive", "rollback drive"];
    expect(drivesIn(values)).toEqual(left);
    expect(await drivesLeft(async <R>() => values as R[])).toEqual(left);
  });

  it("is nobody once the drive has neither, and before there was any", () => {
    expect(drivesIn(stored({ drive: { lastLane: 12 } }))).toEqual([]);
    expect(drivesIn([])).toEqual([]);
  });
});
