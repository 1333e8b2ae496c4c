import { describe, expect, it } from "vitest";
import { GRANT_HEADER } from "../../src/restate/contract.ts";
import { grantOf, grantText, isAged } from "../../src/restate/grant.ts";

const parsed = (text: string) => grantOf(new Map([[GRANT_HEADER, text]]));

describe("the header of a grant", () => {
  it("says what it was made of", () => {
    const grant = { lane: 12, n: 3, atMs: 1_790_000_000_123 };
    expect(grantText(grant)).toBe("12/3/1790000000123");
    expect(parsed(grantText(grant))).toEqual(grant);
  });

  it("may be missing", () => {
    expect(grantOf(new Map())).toBeUndefined();
  });

  it.each([
    "",
    "/",
    "//",
    "1/2",
    "1/2/3/4",
    "0/1/1790000000000",
    "1/0/1790000000000",
    "1/1/0",
    "-1/1/1790000000000",
    "1.5/1/1790000000000",
    "1e3/1/1790000000000",
    " 1/1/1790000000000",
    "1/1/1790000000000\n",
    "1/1/NaN",
    "one/two/three",
    "1/1/9999999999999999",
    "9999999999/1/1790000000000",
    "1/1/1790000000000, 1/1/1790000000000",
  ])("counts as missing where it is nonsense: %j", (text) => {
    expect(parsed(text)).toBeUndefined();
  });
});

describe("a grant", () => {
  const now = 1_790_000_000_000;
  it.each([
    [0, false],
    [2_000, false],
    [2_001, true],
    [86_400_000, true],
    // Clocks that disagree: a little, and so much that it tells nothing.
    [-2_000, false],
    [-2_001, true],
  ])("of %d ms ago is old: %s", (age, old) => {
    expect(isAged({ lane: 1, n: 1, atMs: now - age }, now)).toBe(old);
  });
});
