import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type BenchCase } from "../case.ts";
import { createMemoryCgroup } from "../memory-cgroup.ts";
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
  async measure({ size, runs, log, memoryLimit, heap, sentinels = size === "full" ? 10_000 : 60 }) {
    const idleMs = size === "full" ? IDLE_MS : 100;
    // A process' peak never falls: each run has a service of its own.
    const values = await repeated(runs, () => measureOnce({ sentinels, idleMs, memoryLimit, heap }, log));
    const limit = memoryLimit === undefined ? "" : `, in ${memoryLimit} MiB`;
    const note = `${sentinels} sentinels${limit}${heap === undefined ? "" : `, heap ${heap} MiB`}`;
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

interface Place {
  sentinels: number;
  idleMs: number;
  memoryLimit: number | undefined;
  heap: number | undefined;
}

async function measureOnce(
  { sentinels, idleMs, memoryLimit, heap }: Place,
  log: (line: string) => void,
): Promise<{ idle: number; peak: number }> {
  const cgroup = memoryLimit === undefined ? undefined : createMemoryCgroup(memoryLimit);
  const env: Record<string, string> =
    heap === undefined ? {} : { NODE_OPTIONS: `--max-old-space-size=${heap}` };
  try {
    return await withStack({ sentinels, env, through: cgroup?.command ?? [] }, async (stack) => {
      const { process } = stack.service;
      const died = process.exited().then(() => {
        throw new Error(`the service ended: ${cgroup?.kills() ?? 0} killed for memory`);
      });
      await Promise.race([died, sleep(idleMs)]);
      const { pid } = process;
      const idle = memoryMb(pid);
      await Promise.race([died, rollout(stack, sentinels)]);
      const peak = peakMemoryMb(pid);
      const killed = cgroup === undefined ? "" : `, ${cgroup.kills()} killed for memory`;
      log(`idle ${rounded(idle)} MB, peak ${rounded(peak)} MB${killed}`);
      return { idle, peak };
    });
  } finally {
    cgroup?.remove();
  }
}
