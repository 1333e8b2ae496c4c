import { atMost, type BenchCase } from "../case.ts";
import { launchedSince } from "../deploys.ts";
import { benchFleet } from "../fleet.ts";
import { percentile, repeated, rounded } from "../numbers.ts";
import { readyTimes, recordReadyTimes } from "../ready.ts";
import { startRollout, status } from "../rollout.ts";
import { type BenchStack, type BenchStackOptions, until, withStack } from "../stack.ts";

interface Sizes {
  sentinels: number;
  window: number;
  /** The first of them, which are not done before all is over. */
  slow: number;
  /**
   * What the others take, once the window is full: for that they have so long. About 100 of them a second are done, for what is
   * measured is a place behind slow ones, and not how many the machine does in a second.
   */
  quick: { fromMs: number; toMs: number };
  fillMs: number;
}

const FULL: Sizes = {
  ...{ sentinels: 8_000, window: 5_000, slow: 4_000 },
  quick: { fromMs: 5_000, toMs: 15_000 },
  fillMs: 90_000,
};
const SMALL: Sizes = {
  ...{ sentinels: 40, window: 10, slow: 6 },
  quick: { fromMs: 200, toMs: 400 },
  fillMs: 3_000,
};
const TEN_MINUTES_MS = 600_000;

export const places: BenchCase = {
  name: "places",
  compares:
    "ms from a result to the launch of the next sentinel in its place, with all places taken and four fifths of them by slow ones",
  async measure({ size, runs, log }) {
    const sizes = size === "full" ? FULL : SMALL;
    const { sentinels, window, slow } = sizes;
    // The slow ones of a run are still under way when it is over.
    const env = { MAX_IN_FLIGHT: String(window), DEPLOY_TIMEOUT_SECONDS: "1800" };
    const options: BenchStackOptions = { sentinels, env };
    const values = await repeated(runs, () =>
      withStack(options, async (stack) => {
        const delays = await delaysOf(stack, sizes);
        log(`p50 ${rounded(percentile(delays, 50))} ms, p99 ${rounded(percentile(delays, 99))} ms`);
        return delays;
      }),
    );
    const all = values.flat();
    return [
      {
        case: "places",
        runs: values.map((delays) => percentile(delays, 99)),
        unit: "ms",
        must: atMost(1_000),
        aim: atMost(500),
        note: `${all.length} places, p50 ${rounded(percentile(all, 50))} ms, worst ${rounded(percentile(all, 100))} ms; ${window} in flight, the first ${slow} slow`,
      },
    ];
  },
};

/**
 * The window is full before the first result comes, and from then on each launch takes the place of a result: the first
 * launch that of the first result, and so on.
 */
async function delaysOf(
  stack: BenchStack,
  { sentinels, window, slow, quick, fillMs }: Sizes,
): Promise<number[]> {
  await recordReadyTimes(stack);
  const startedMs = Date.now();
  const upTo = benchFleet(sentinels)[slow - 1]?.k8sName ?? "";
  const notBeforeMs = startedMs + fillMs;
  await stack.kubernetes.updatesTake({ ...quick, notBeforeMs, slow: { upTo, ms: TEN_MINUTES_MS } });
  await startRollout(stack, [100]);
  await until("all places are taken", async () => (await status(stack)).in_flight === window);
  if (Date.now() > notBeforeMs) throw new Error(`${window} were not in flight after ${fillMs / 1000} s`);
  const quickOnes = sentinels - slow;
  await until("the quick ones are done", async () => (await status(stack)).succeeded === quickOnes, 300_000);
  const results = [...(await readyTimes(stack)).values()].sort((a, b) => a - b);
  const launches = (await launchedSince(stack, startedMs)).slice(window);
  return launches.map((launchedMs, i) => launchedMs - (results[i] ?? Number.NaN));
}
