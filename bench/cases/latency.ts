import { atMost, type BenchCase } from "../case.ts";
import { percentile, repeated, rounded } from "../numbers.ts";
import { readyTimes, recordReadyTimes } from "../ready.ts";
import { rollout } from "../rollout.ts";
import { type BenchStack, withStack } from "../stack.ts";

const IN_FLIGHT = 200;

export const latency: BenchCase = {
  name: "latency",
  compares: "ms from a Deployment's convergence in the API to the row's `ready`, p99",
  async measure({ size, runs, log }) {
    const sentinels = size === "full" ? 2_000 : 40;
    return withStack({ sentinels, env: { MAX_IN_FLIGHT: String(IN_FLIGHT) } }, async (stack) => {
      await recordReadyTimes(stack);
      await rollout(stack, sentinels, [100]);
      // Long enough for the wake-up to find a Deploy that waits.
      await stack.kubernetes.updatesTake({ fromMs: 500, toMs: 2_500 });
      const values = await repeated(runs, async () => {
        await stack.db.query("DELETE FROM bench_ready");
        await rollout(stack, sentinels, [100]);
        const delays = await readyDelays(stack);
        log(`p50 ${rounded(percentile(delays, 50))} ms, p99 ${rounded(percentile(delays, 99))} ms`);
        return delays;
      });
      const all = values.flat();
      return [
        {
          case: "latency",
          runs: values.map((delays) => percentile(delays, 99)),
          unit: "ms",
          must: atMost(250),
          aim: atMost(60),
          note: `p50 ${rounded(percentile(all, 50))} ms, worst ${rounded(percentile(all, 100))} ms, ${IN_FLIGHT} in flight`,
        },
      ];
    });
  },
};

async function readyDelays(stack: BenchStack): Promise<number[]> {
  const convergedMs = await stack.kubernetes.convergedMs();
  const ready = await readyTimes(stack);
  return [...ready].map(([name, atMs]) => atMs - (convergedMs[name] ?? Number.NaN));
}
