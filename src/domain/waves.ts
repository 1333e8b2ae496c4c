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
