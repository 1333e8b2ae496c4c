import { call } from "../../src/dry-run/restate-api.ts";
import type { FanOut, handlers, Steps } from "../bare/process.ts";
import { atMost, type BenchCase } from "../case.ts";
import { measureFloor } from "../floor.ts";
import { stepsOfADeploy } from "../journal.ts";
import { median, repeated, rounded, timed } from "../numbers.ts";
import { cpuSince, cpuTimes } from "../processes.ts";
import { type Remote, startRemote } from "../remote.ts";
import { rollout } from "../rollout.ts";
import { type BenchStack, withStack } from "../stack.ts";

const WINDOW = 500;

export const overhead: BenchCase = {
  name: "overhead",
  compares:
    "ms per sentinel of a rollout, against a bare Restate fan-out with the same window and as many durable steps",
  async measure({ size, runs, log }) {
    const sentinels = size === "full" ? 2_000 : 60;
    return withStack({ sentinels }, async (stack) => {
      const { bare: baseline, fanOut } = await bareFanOut(stack);
      // Both are warm before anything counts.
      await rollout(stack, sentinels);
      const steps = await stepsOfADeploy(stack);
      await fanOut(sentinels, steps);
      const pairs = await repeated(runs, async () => {
        const bare = (await fanOut(sentinels, steps)) / sentinels;
        const before = cpuTimes(stack);
        const { each } = await rollout(stack, sentinels);
        const cpu = cpuSince(before, cpuTimes(stack), sentinels);
        log(`${rounded(each)} ms a sentinel, bare ${rounded(bare)} ms; ${cpu}`);
        return { each, bare };
      });
      const oneWave = await repeated(runs, async () => (await rollout(stack, sentinels, [100])).each);
      log(`in one wave: ${rounded(median(oneWave))} ms a sentinel`);
      const fanOutOnce = () => fanOut(sentinels, steps);
      const floor = await measureFloor(stack, baseline, fanOutOnce, { sentinels, runs });
      const parts = `bare fan-out ${rounded(floor.fanOut)}, Kubernetes ${rounded(floor.kubernetes)}, records ${rounded(floor.records)}`;
      log(`the floor: ${rounded(floor.each)} ms a sentinel; CPU ms: ${parts}`);
      const [each, bare] = [median(pairs.map((pair) => pair.each)), median(pairs.map((pair) => pair.bare))];
      return [
        {
          case: "overhead",
          runs: pairs.map((pair) => pair.each / pair.bare),
          unit: "x",
          must: atMost(2),
          aim: atMost(1.4),
          note: `${rounded(each)} ms a sentinel, ${rounded(bare)} ms bare (${steps.runs} runs, ${steps.sets + steps.clears} state writes), floor ${rounded(floor.each)} ms = ${rounded(floor.each / bare)} x`,
        },
      ];
    });
  },
};

interface Bare {
  bare: Remote<typeof handlers>;
  /** Drives one fan-out and tells its milliseconds. */
  fanOut(calls: number, steps: Steps): Promise<number>;
}

/** The baseline as a service of its own. */
async function bareFanOut(stack: BenchStack): Promise<Bare> {
  const bare = await startRemote<typeof handlers>(new URL("../bare/process.ts", import.meta.url));
  stack.undo.add(() => bare.stop());
  await stack.restate.register(`http://127.0.0.1:${await bare.listen()}`);
  let round = 0;
  return {
    bare,
    fanOut: (calls, steps) =>
      timed(async () => {
        const fanOut: FanOut = { calls, window: WINDOW, steps, round: ++round };
        const { status, body } = await call(stack.restate.ingress, `bench.Driver/${round}/drive`, fanOut);
        if (status !== 200) throw new Error(`the bare fan-out failed: ${JSON.stringify(body)}`);
      }),
  };
}
