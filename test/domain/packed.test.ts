import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newLane } from "../../src/domain/new-lane.ts";
import { packed, unpacked } from "../../src/domain/packed.ts";

const maybe = <T>(name: string, value: fc.Arbitrary<T>) =>
  fc.option(value, { nil: undefined }).map((each) => (each === undefined ? {} : { [name]: each }));
const place = fc.constantFrom("1/1", "1/2", "2/1");
const id = fc.string({ minLength: 1, maxLength: 6 });
const item = fc
  .tuple(
    fc.record({ id, at: place }),
    fc.oneof(
      fc.constant({}),
      fc.record({ from: id }),
      fc.record({ from: id, unrecorded: fc.constant(true as const) }),
      fc.record({ from: id, earlier: fc.constant(true as const) }),
      fc.record({ earlier: fc.constant(true as const) }),
    ),
  )
  .map(([common, rest]) => ({ ...common, ...rest }));
const result = fc
  .tuple(
    fc.record({
      id,
      at: place,
      is: fc.constantFrom(
        "succeeded",
        "failed",
        "skipped",
        "reverted",
        "missed",
        "gone",
        "moved",
        "untouched",
      ),
    }),
    maybe("why", fc.string()),
    maybe("durationMs", fc.nat()),
    maybe("unrecorded", fc.constant(true)),
    maybe("earlier", fc.constant(true)),
  )
  .map((parts) => Object.assign({}, ...parts));
const book = fc
  .tuple(
    fc.record({ seq: fc.nat(), out: fc.array(item), done: fc.array(result) }),
    maybe("grant", fc.record({ n: fc.nat(), atMs: fc.nat(), confirm: fc.boolean(), items: fc.array(item) })),
    maybe("bell", id),
  )
  .map((parts) => Object.assign({}, ...parts));

const stored = (key: string, value: unknown) => unpacked(key, JSON.parse(JSON.stringify(packed(key, value))));

describe("what is stored in few bytes", () => {
  it("is read as it was: the book of a lane", () => {
    fc.assert(
      fc.property(book, (value) => {
        expect(stored("lane/3", value)).toEqual(value);
      }),
    );
  });

  it("is read as it was: the drive", () => {
    const silent = { ...newLane("forward"), invocationId: "inv_2", silent: { sinceMs: 7, why: "paused" } };
    const busy = {
      ...newLane("rollback"),
      out: 3,
      reverted: 2,
      seenMs: 5,
      againOut: 2,
      leftOverReverted: 1,
      fills: true,
      announced: true,
    };
    const lanes = { 1: newLane("forward"), 2: silent, 3: busy, 4: { ...newLane("rollback"), over: true } };
    const drive = { rolloutId: "r", revision: 3, lanes, nextLane: 3, window: 5, hungry: [1] };
    expect(stored("drive", drive)).toEqual(drive);
  });

  it("leaves everything else alone, and what is not there", () => {
    for (const value of ["hello", 42, [], { rolloutId: "r" }]) {
      expect(unpacked("rolloutState", value)).toEqual(value);
    }
    for (const value of [undefined, null]) {
      expect(unpacked("drive", value)).toBe(value);
      expect(unpacked("lane/1", value)).toBe(value);
    }
  });

  const rest = { rolloutId: "r", revision: 1, nextLane: 2, window: 5, hungry: [] };
  it.each([
    ["drive", "hello"],
    ["drive", 42],
    ["drive", []],
    ["drive", { rolloutId: "r" }],
    ["drive", { ...rest, lanes: 7 }],
    ["drive", { ...rest, lanes: { 1: 7 } }],
    ["drive", { ...rest, lanes: { 1: ["f", "inv_1"] } }],
    ["drive", { ...rest, lanes: {}, hungry: undefined }],
    ["lane/1", "hello"],
    ["lane/1", []],
    ["lane/1", { out: 7, done: [] }],
    ["lane/1", { out: [], done: [7] }],
  ])("says so of a key that somebody edited: %s to %j", (key, value) => {
    expect(() => unpacked(key, value)).toThrow(
      new RegExp(`^${key} is unreadable: it is not .* Put back the value that it had, or clear the key`),
    );
  });
});
