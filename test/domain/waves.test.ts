import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_WAVE_PERCENTAGES, planWaves } from "../../src/domain/waves.ts";

const fleet = (size: number) => Array.from({ length: size }, (_, i) => `sen_${i}`);
const sizes = (total: number, percentages: readonly number[] = DEFAULT_WAVE_PERCENTAGES) =>
  planWaves(fleet(total), percentages).map((wave) => wave.length);

/** Strictly increasing whole numbers from 1 to 100, the last one 100. */
const percentages = fc
  .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 20 })
  .map((some) => [...some.sort((a, b) => a - b), 100]);

describe("waves", () => {
  it.each([
    [0, []],
    [1, [1]],
    [2, [1, 1]],
    [3, [1, 1, 1]],
    [4, [1, 1, 2]],
    [20, [1, 4, 5, 10]],
    [99, [1, 4, 20, 25, 49]],
    [100, [1, 4, 20, 25, 50]],
    [101, [2, 4, 20, 25, 50]],
    [5000, [50, 200, 1000, 1250, 2500]],
  ])("of %i sentinels are by default %j", (total, expected) => {
    expect(sizes(total)).toEqual(expected);
  });

  it.each([
    [10, [100], [10]],
    [10, [10, 100], [1, 9]],
    [1, [10, 100], [1]],
    [7, [50, 100], [4, 3]],
  ])("of %i sentinels with %j are %j", (total, given, expected) => {
    expect(sizes(total, given)).toEqual(expected);
  });

  it("cut the fleet into parts in order: nobody is missing, nobody comes twice, no wave is empty", () => {
    fc.assert(
      fc.property(fc.nat(2_000), percentages, (total, given) => {
        const waves = planWaves(fleet(total), given);
        expect(waves.flat()).toEqual(fleet(total));
        expect(waves.every((wave) => wave.length > 0)).toBe(true);
        expect(waves.length).toBeLessThanOrEqual(given.length);
      }),
    );
  });

  it("end at ceil(total × percentage / 100), as exact arithmetic has it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), percentages, (total, given) => {
        const exact = given.map((percentage) => Number((BigInt(total) * BigInt(percentage) + 99n) / 100n));
        let end = 0;
        const ends = sizes(total, given).map((size) => {
          end += size;
          return end;
        });
        expect(ends).toEqual([...new Set(exact)]);
      }),
    );
  });
});
