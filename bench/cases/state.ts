import { atMost, type BenchCase } from "../case.ts";
import { bytesOf, partsAmong, stateTraffic, stateValues } from "../kv.ts";
import { repeated } from "../numbers.ts";
import { rollout, status } from "../rollout.ts";
import { withStack } from "../stack.ts";

export const state: BenchCase = {
  name: "state",
  compares:
    "bytes of K/V state that go to the log per wave, reads included, against the size of the state at the end",
  async measure({ size, runs, log }) {
    const sentinels = size === "full" ? 10_000 : 60;
    return withStack({ sentinels }, async (stack) => {
      const values = await repeated(runs, async (round) => {
        const before = await stateTraffic(stack);
        await rollout(stack, sentinels);
        const after = await stateTraffic(stack);
        const { waves } = await status(stack);
        const [read, written] = [after.read - before.read, after.written - before.written];
        const kept = await stateValues(stack);
        const [all, parts] = [bytesOf(kept), bytesOf(partsAmong(kept))];
        log(
          `run ${round + 1}: ${read} bytes read and ${written} written in ${waves} waves; the state has ${all}, ${parts} of them in its parts`,
        );
        return { all: (read + written) / waves / all, written: written / parts };
      });
      const note = `${sentinels} sentinels, default waves`;
      return [
        {
          case: "state",
          runs: values.map((value) => value.all),
          unit: "x",
          must: atMost(30),
          aim: atMost(10),
          note,
        },
        {
          case: "state written",
          runs: values.map(({ written }) => written),
          unit: "x",
          must: atMost(6),
          aim: atMost(3),
          note: "bytes written against the data of all waves, which are the parts",
        },
      ];
    });
  },
};
