import { atMost, type BenchCase } from "../case.ts";
import { median, repeated, rounded } from "../numbers.ts";
import { rollout } from "../rollout.ts";
import { withStack } from "../stack.ts";

const WAIT_MS = 15_000;
const IN_ONE_WAVE = [100];

export const parked: BenchCase = {
  name: "parked",
  compares:
    "time beyond the wait per sentinel with all Deploys waiting at once, against 500 in flight and no waiting",
  async measure({ size, runs, log }) {
    const [sentinels, waitMs] = size === "full" ? [5_000, WAIT_MS] : [60, 1_500];
    const base = await withStack({ sentinels }, async (stack) => {
      await rollout(stack, sentinels, IN_ONE_WAVE);
      return repeated(runs, async () => (await rollout(stack, sentinels, IN_ONE_WAVE)).each);
    });
    log(`not waiting: ${base.map(rounded).join(", ")} ms a sentinel`);
    const env = { MAX_IN_FLIGHT: String(sentinels) };
    const waiting = await withStack({ sentinels, env }, async (stack) => {
      await rollout(stack, sentinels, IN_ONE_WAVE);
      await stack.kubernetes.updatesTake({ fromMs: waitMs, toMs: waitMs });
      return repeated(runs, async () => {
        const { ms } = await rollout(stack, sentinels, IN_ONE_WAVE);
        log(`${sentinels} waiting for ${waitMs / 1_000} s: ${rounded(ms / 1_000)} s`);
        return (ms - waitMs) / sentinels;
      });
    });
    return [
      {
        case: "parked",
        runs: waiting.map((value) => value / median(base)),
        unit: "x",
        must: atMost(3),
        aim: atMost(1.5),
        note: `${rounded(median(waiting))} ms a sentinel beyond the wait, ${rounded(median(base))} without`,
      },
    ];
  },
};
