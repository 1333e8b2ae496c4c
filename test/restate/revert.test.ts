import { describe, expect, it } from "vitest";
import { leftAlone, revertOf } from "../../src/deploy/revert.ts";
import type { DeployStatus } from "../../src/mysql/row.ts";
import { REVERTS_HEADER, UNRECORDED_HEADER } from "../../src/restate/contract.ts";

const [PREVIOUS, BAD, OTHER] = ["sentinel:v1", "sentinel:v2", "sentinel:v7"] as const;
const STATUSES: DeployStatus[] = ["idle", "progressing", "ready", "failed"];
const UNTOUCHED = { status: "failed", reason: "it never took the image", left: true, untouched: true };
const FAILED = { ...UNTOUCHED, reason: "broken", failed_on_image: true };

function decide(
  image: string,
  deployStatus: DeployStatus,
  unrecorded: boolean,
  runningImage: string = PREVIOUS,
) {
  const runs = runningImage === BAD;
  const deployError = deployStatus === "failed" ? "broken" : null;
  return leftAlone({ image, deployStatus, deployError }, PREVIOUS, { image: BAD, unrecorded }, runs);
}

describe("a Deploy", () => {
  it("is a revert where the header says of what", () => {
    expect(revertOf(new Map())).toBeUndefined();
    expect(revertOf(new Map([[UNRECORDED_HEADER, "1"]]))).toBeUndefined();
    expect(revertOf(new Map([[REVERTS_HEADER, BAD]]))).toEqual({ image: BAD, unrecorded: false });
    const both = new Map([
      [REVERTS_HEADER, BAD],
      [UNRECORDED_HEADER, "1"],
    ]);
    expect(revertOf(both)).toEqual({ image: BAD, unrecorded: true });
  });
});

describe("the revert of a sentinel that took the image", () => {
  it.each(STATUSES)("goes on from that image and from the one it asks for (%s)", (status) => {
    expect(decide(BAD, status, false)).toBeUndefined();
    expect(decide(PREVIOUS, status, false)).toBeUndefined();
  });

  it.each(STATUSES)("leaves alone what is on a third one (%s)", (status) => {
    const reason = `left alone: moved to ${OTHER} since`;
    expect(decide(OTHER, status, false)).toEqual({ status: "failed", reason, left: true });
  });

  it("repeats what the row says as harmless text", () => {
    expect(decide("v7\n\u001b[31mred", "ready", false)?.reason).toBe("left alone: moved to v7 red since");
  });
});

describe("the revert of a sentinel that may have taken the image", () => {
  it.each<[string, DeployStatus]>([
    [BAD, "idle"],
    [BAD, "progressing"],
    [BAD, "ready"],
    [PREVIOUS, "progressing"],
  ])("goes on from %s, %s", (image, status) => {
    expect(decide(image, status, true)).toBeUndefined();
  });

  it.each<[string, DeployStatus]>([
    [PREVIOUS, "idle"],
    [PREVIOUS, "ready"],
    [PREVIOUS, "failed"],
    ...STATUSES.map((status): [string, DeployStatus] => [OTHER, status]),
  ])("does not touch %s, %s", (image, status) => {
    expect(decide(image, status, true)).toEqual(UNTOUCHED);
  });

  it("tells why one has failed with the image", () => {
    expect(decide(BAD, "failed", true)).toEqual(FAILED);
  });

  it("goes on from a failure that runs the image all the same, unless somebody moved it", () => {
    expect(decide(BAD, "failed", true, BAD)).toBeUndefined();
    expect(decide(PREVIOUS, "failed", true, BAD)).toBeUndefined();
    expect(decide(OTHER, "failed", true, BAD)).toEqual(UNTOUCHED);
    expect(decide(BAD, "failed", true, "")).toEqual(FAILED);
    // A revert that is done: only the watcher has not seen it yet.
    expect(decide(PREVIOUS, "ready", true, BAD)).toEqual(UNTOUCHED);
  });
});
