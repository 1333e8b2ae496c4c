import { atMost, type BenchCase } from "../case.ts";
import { bareFanOut } from "../fan-out.ts";
import { measureFloor } from "../floor.ts";
import { stepsOfADeploy } from "../journal.ts";
import { median, repeated, rounded } from "../numbers.ts";
import { cpuSince, cpuTimes } from "../processes.ts";
import { rollout } from "../rollout.ts";
import { withStack } from "../stack.ts";

const WINDOW = 500;
const WARM_UPS = 3;

export const overhead: BenchCase = {
  name: "overhead",
  compares:
    "ms per sentinel of a rollout, against a bare Restate fan-out with the same window and as many durable steps",
  async measure({ size, runs, log }) {
    const sentinels = size === "full" ? 2_000 : 60;
    return withStack({ sentinels }, async (stack) => {
      const { bare: baseline, fanOut, deploys } = await bareFanOut(stack);
      // Both are warm before anything counts: the first few thousand Deploys of a process are a quarter slower.
      for (let i = 0; i < WARM_UPS; i++) await rollout(stack, sentinels);
      const steps = await stepsOfADeploy(stack);
      for (let i = 0; i < WARM_UPS; i++) await fanOut(sentinels, steps, WINDOW);
      const pairs = await repeated(runs, async () => {
        const bare = (await fanOut(sentinels, steps, WINDOW)) / sentinels;
        const before = cpuTimes(stack);
        const { each } = await rollout(stack, sentinels);
        const cpu = cpuSince(before, cpuTimes(stack), sentinels);
        log(`${rounded(each)} ms a sentinel, bare ${rounded(bare)} ms; ${cpu}`);
        return { each, bare };
      });
      const oneWave = await repeated(runs, async () => (await rollout(stack, sentinels, [100])).each);
      log(`in one wave: ${rounded(median(oneWave))} ms a sentinel`);
      const alone = median(await repeated(runs, async () => (await deploys(sentinels, WINDOW)) / sentinels));
      log(`the Deploys alone, launched by the bare driver: ${rounded(alone)} ms a sentinel`);
      const fanOutOnce = () => fanOut(sentinels, steps, WINDOW);
      const floor = await measureFloor(stack, baseline, fanOutOnce, { sentinels, runs, window: WINDOW });
      const parts = `bare fan-out ${rounded(floor.fanOut)}, Kubernetes ${rounded(floor.kubernetes)}, MySQL ${rounded(floor.mysql)}, records ${rounded(floor.records)}`;
      log(`the floor: ${rounded(floor.each)} ms a sentinel; CPU ms: ${parts}`);
      const [each, bare] = [median(pairs.map((pair) => pair.each)), median(pairs.map((pair) => pair.bare))];
      return [
        {
          case: "overhead",
          runs: pairs.map((pair) => pair.each / pair.bare),
          unit: "x",
          must: atMost(2.5),
          aim: atMost(1.4),
          note: `${rounded(each)} ms a sentinel, ${rounded(bare)} ms bare (${steps.runs} runs, ${steps.sets + steps.clears} state writes), the Deploys alone ${rounded(alone)} ms = ${rounded(alone / bare)} x, floor ${rounded(floor.each)} ms = ${rounded(floor.each / bare)} x`,
        },
      ];
    });
  },
};
