/** The default waves: cumulative percent of the candidates. One sentinel in a hundred goes first. */
export const DEFAULT_WAVE_PERCENTAGES: readonly number[] = [1, 5, 25, 50, 100];

/**
 * Cuts the candidates, in their order, into waves: wave i ends at `ceil(total × percentage / 100)`.
 * A wave that would be empty is dropped, so a small fleet has fewer waves than percentages.
 * @param percentages cumulative, strictly increasing, ending in 100 (checked at the edge)
 */
export function planWaves(ids: readonly string[], percentages: readonly number[]): string[][] {
  let start = 0;
  return percentages
    .map((percentage) => {
      const end = Math.ceil((ids.length * percentage) / 100);
      const wave = ids.slice(start, end);
      start = end;
      return wave;
    })
    .filter((wave) => wave.length > 0);
}

/**
 * How long each of these waves soaks: a dropped wave's soak is dropped with it.
 * @param asked seconds for every wave, or for each of the percentages
 */
export function soaksOf(
  asked: number | readonly number[],
  total: number,
  percentages: readonly number[],
): number[] {
  const ends = percentages.map((percentage) => Math.ceil((total * percentage) / 100));
  const soaks = typeof asked === "number" ? percentages.map(() => asked) : asked;
  return soaks.filter((_, i) => (ends[i] ?? 0) > (ends[i - 1] ?? 0));
}
