import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type BenchCase } from "../case.ts";
import { repeated, rounded } from "../numbers.ts";
import { memoryMb, peakMemoryMb } from "../processes.ts";
import { rollout } from "../rollout.ts";
import { withStack } from "../stack.ts";

/** Longer than the watcher's re-check takes to come. */
const IDLE_MS = 35_000;

export const memory: BenchCase = {
  name: "memory",
  compares:
    "resident memory of the service process: its peak over a rollout, and idle with the fleet watched",
  async measure({ size, runs, log }) {
    const [sentinels, idleMs] = size === "full" ? [10_000, IDLE_MS] : [60, 100];
    // A process' peak never falls: each run has a service of its own.
    const values = await repeated(runs, () =>
      withStack({ sentinels }, async (stack) => {
        await sleep(idleMs);
        const { pid } = stack.service.process;
        const idle = memoryMb(pid);
        await rollout(stack, sentinels);
        const peak = peakMemoryMb(pid);
        log(`idle ${rounded(idle)} MB, peak ${rounded(peak)} MB`);
        return { idle, peak };
      }),
    );
    const note = `${sentinels} sentinels`;
    return [
      {
        case: "memory",
        runs: values.map(({ peak }) => peak),
        unit: "MB",
        must: atMost(300),
        aim: atMost(250),
        note: `peak of a rollout, ${note}`,
      },
      {
        case: "memory idle",
        runs: values.map(({ idle }) => idle),
        unit: "MB",
        must: atMost(200),
        aim: atMost(150),
        note: `${note} watched, nothing to do`,
      },
    ];
  },
};
