import { atMost, type BenchCase } from "../case.ts";
import { median, repeated, rounded } from "../numbers.ts";
import { cpuSince, cpuTimes } from "../processes.ts";
import { rollout } from "../rollout.ts";
import { withStack } from "../stack.ts";

const BASE = 1_000;

export const linear = scale("linear", 10_000, 1.25, 1.1);
export const large = scale("large", 50_000, 2, 1.25);

function scale(name: string, sentinels: number, must: number, aim: number): BenchCase {
  return {
    name,
    compares: `ms per sentinel of a rollout of ${sentinels} against one of ${BASE}`,
    async measure({ size, runs, log }) {
      const [few, many] = size === "full" ? [BASE, sentinels] : [20, 60];
      const base = await eachOf(few, Math.max(runs, 3), log);
      const values = await eachOf(many, runs, log);
      return [
        {
          case: name,
          runs: values.map((value) => value / median(base)),
          unit: "x",
          must: atMost(must),
          aim: atMost(aim),
          note: `${rounded(median(values))} ms a sentinel at ${many}, ${rounded(median(base))} at ${few}`,
        },
      ];
    },
  };
}

function eachOf(sentinels: number, runs: number, log: (line: string) => void): Promise<number[]> {
  return withStack({ sentinels }, async (stack) => {
    // The first rollout of a fresh service, of some of the sentinels at least, does not count.
    if (sentinels <= BASE) await rollout(stack, sentinels);
    return repeated(runs, async () => {
      const before = cpuTimes(stack);
      const { each } = await rollout(stack, sentinels);
      log(`${sentinels}: ${rounded(each)} ms a sentinel; ${cpuSince(before, cpuTimes(stack), sentinels)}`);
      return each;
    });
  });
}
