import { waveOf } from "./parts.ts";
import type { RolloutState, WaveCount } from "./state.ts";
import type { Tallies, Tally } from "./tally.ts";

/** The numbers of each wave; one of which no part is there yet keeps the size that was planned. */
export function countedWaves(waves: readonly WaveCount[], tallies: Tallies): WaveCount[] {
  const sums = new Map<number, Tally>();
  for (const [at, tally] of Object.entries(tallies)) {
    const wave = waveOf(at);
    const sum = sums.get(wave);
    sums.set(wave, sum === undefined ? tally : added(sum, tally));
  }
  return waves.map((wave, i) => {
    const sum = sums.get(i);
    if (sum === undefined) return wave;
    const [, succeeded, failed, skipped, reverted] = sum;
    const away = sum[12] ?? 0;
    return { size: wave.size, succeeded, failed, skipped, reverted, ...(away === 0 ? {} : { away }) };
  });
}

function added(one: Tally, other: Tally): Tally {
  const longer = one.length > other.length ? one : other;
  return longer.map((_, i) => (one[i] ?? 0) + (other[i] ?? 0)) as Tally;
}

/** What the head says beside the waves. */
export function countedBeside(
  tallies: Tallies,
): Pick<RolloutState, "stay" | "stayFailed" | "takenOver" | "retried"> {
  const all = Object.entries(tallies);
  const own = all.flatMap(([at, tally]) => (waveOf(at) < 0 ? [] : [tally]));
  const earlier = all.flatMap(([at, tally]) => (waveOf(at) < 0 ? [tally] : []));
  const sum = (of: readonly Tally[], what: keyof Tally & number) =>
    of.reduce((total, tally) => total + (tally[what] ?? 0), 0);
  const [stay, stayEarlier] = [sum(own, 5), sum(earlier, 5) + sum(own, 10)];
  const [size, reverted, again] = [sum(earlier, 1), sum(earlier, 4), sum(own, 6)];
  const unknown = sum(earlier, 0) - size - sum(earlier, 2) - sum(earlier, 3);
  const failed = sum(earlier, 2) + sum([...own, ...earlier], 7);
  const [leftOver, leftOverSkipped, leftOverReverted] = [sum(own, 8), sum(own, 9), sum(own, 11)];
  const takenOver = {
    ...{ size, reverted },
    ...(stayEarlier === 0 ? {} : { stay: stayEarlier }),
    ...(unknown === 0 ? {} : { unknown }),
    ...(again === 0 ? {} : { again }),
    ...(failed === 0 ? {} : { failed }),
    ...(leftOver === 0 ? {} : { leftOver }),
    ...(leftOverSkipped === 0 ? {} : { leftOverSkipped }),
    ...(leftOverReverted === 0 ? {} : { leftOverReverted }),
  };
  const counted = size + unknown + again + failed + leftOver + leftOverReverted;
  const [retried, stayFailed] = [sum(own, 13), sum(own, 14)];
  return {
    ...(stay === 0 ? {} : { stay }),
    ...(counted === 0 ? {} : { takenOver }),
    ...(retried === 0 ? {} : { retried }),
    ...(stayFailed === 0 ? {} : { stayFailed }),
  };
}

export function totalOf(waves: readonly WaveCount[]): number {
  return waves.reduce((sum, { size }) => sum + size, 0);
}

/** Has it come further than its beginning? What was cut short in it launched nothing, and is forgotten. */
export function hasBegun({ state, waves, currentWave }: RolloutState): boolean {
  const hasResults = waves.some(({ succeeded, failed, skipped }) => succeeded + failed + skipped > 0);
  return state !== "in_progress" || currentWave > 0 || hasResults;
}

export function sumOf(rollout: RolloutState, what: keyof WaveCount): number {
  return rollout.waves.reduce((sum, wave) => sum + (wave[what] ?? 0), 0);
}
