import { describe, expect, it } from "vitest";
import { parseFault } from "../../src/local-stack/faults.ts";
import { type Told, unexpected } from "../../src/local-stack/outcome.ts";
import type { StatusResponse } from "../../src/restate/rollout-schemas.ts";

const IDS = ["sen_1", "sen_2", "sen_3", "sen_4"];
const WAVES = [2, 2];

const told = (faults: string[], request: Told["request"] = {}): Told => ({
  ...{ request, faults: faults.map(parseFault), ids: IDS, sizes: WAVES, percentages: [50, 100] },
});

/** What a dry run objects to when these failed in this wave (none: the last one completed). */
function objection(faults: string[], failing: string[], wave = 2): string | undefined {
  const response = {
    state: failing.length > 0 ? "paused" : "completed",
    wave,
    failed: failing.length,
    failures: failing.map((sentinel_id) => ({ sentinel_id, reason: "…" })),
    ...{ succeeded: 4 - failing.length, regressed: 0, regressions: [] },
  } as const;
  return unexpected(response, told(faults));
}

/** What one objects to that soaks for 10 s after each wave, when these broke after they had come up. */
function objectionInSoak(
  faults: string[],
  [state, broken, failing = []]: [StatusResponse["state"], string[], string[]?],
  request: Told["request"] = {},
  wave = 2,
): string | undefined {
  const end = {
    ...{ state, wave, succeeded: 2 * wave - failing.length, failed: failing.length },
    failures: failing.map((sentinel_id) => ({ sentinel_id, reason: "…" })),
    regressed: broken.length,
    regressions: broken.map((sentinel_id) => ({
      ...{ sentinel_id, since: "2026-01-31T02:00:00.000Z", reason: "OOMKilled", recovered: false },
    })),
  };
  return unexpected(end, told(faults, { soak_seconds: 10, ...request }));
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

describe("a dry run that soaks is as it was told to be", () => {
  const rollback = { on_failure: "rollback" } as const;
  it.each<[string, ...Parameters<typeof objectionInSoak>]>([
    ["nothing breaks", [], ["completed", []]],
    ["what must break stops it", ["sen_3:crash-after:5"], ["paused", ["sen_3"]]],
    [
      "it stops in the wave before another that must fail",
      ["sen_1:crash-after:5", "sen_3"],
      ["paused", ["sen_1"]],
      {},
      1,
    ],
    [
      "it stops in mid-wave, before what must fail is deployed",
      ["sen_1:crash-after:5", "sen_4"],
      ["paused", ["sen_1"]],
    ],
    [
      "only the first of two has stopped it",
      ["sen_1:crash-after:5", "sen_2:crash-after:5"],
      ["paused", ["sen_2"]],
      {},
      1,
    ],
    ["as many break as may", ["sen_3:crash-after:5"], ["completed", ["sen_3"]], { max_regressions: 1 }],
    [
      "as many as may, in percent",
      ["sen_3:crash-after:5"],
      ["completed", ["sen_3"]],
      { max_regressions: "25%" },
    ],
    ["it breaks too late to be noticed", ["sen_3:crash-after:6"], ["completed", []]],
    ["or is noticed in time all the same", ["sen_3:crash-after:6"], ["paused", ["sen_3"]]],
    ["who flaps does not count", ["sen_3:flap-after:1"], ["completed", []]],
    ["what must break is rolled back", ["sen_3:crash-after:5"], ["cancelled", ["sen_3"]], rollback],
    ["what must fail is rolled back", ["sen_3"], ["cancelled", [], ["sen_3"]], rollback],
  ])("when %s", (_, ...how) => expect(objectionInSoak(...how)).toBeUndefined());
});

describe("a dry run that soaks is not as it was told to be", () => {
  const rollback = { on_failure: "rollback" } as const;
  it.each<[string, string, ...Parameters<typeof objectionInSoak>]>([
    [
      "nobody notices",
      "expected sen_3 to break, and to be noticed",
      ["sen_3:crash-after:5"],
      ["completed", []],
    ],
    [
      "nobody notices in both soaks",
      "expected sen_1 to break, and to be noticed",
      ["sen_1:crash-after:15"],
      ["completed", []],
    ],
    [
      "what broke does not stop it",
      "expected the rollout to stop for 1 that broke, it ended completed",
      ["sen_3:crash-after:5"],
      ["completed", ["sen_3"]],
    ],
    [
      "another breaks",
      "expected sen_3 to break, not 1: sen_4",
      ["sen_3:crash-after:5"],
      ["paused", ["sen_4"]],
    ],
    ["one breaks of itself", "expected no sentinel to break, not 1: sen_1", [], ["paused", ["sen_1"]]],
    [
      "it is not rolled back",
      "expected the rollout to end cancelled, it ended paused",
      ["sen_3:crash-after:5"],
      ["paused", ["sen_3"]],
      rollback,
    ],
    [
      "it is rolled back unasked",
      "expected the rollout to end paused, it ended cancelled",
      ["sen_3:crash-after:5"],
      ["cancelled", ["sen_3"]],
    ],
    [
      "a wave passed in which one must fail",
      "expected the rollout to end paused, it ended completed",
      ["sen_1"],
      ["completed", []],
    ],
  ])("when %s", (_, text, ...how) => expect(objectionInSoak(...how)).toBe(text));
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
