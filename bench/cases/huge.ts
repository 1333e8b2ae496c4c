import { atMost, type BenchCase, type Measurement } from "../case.ts";
import { newImage } from "../fleet.ts";
import { type Journal, killAtHalf, largestJournal, type Seen, watchedWhile } from "../huge.ts";
import { median, percentile, repeated, rounded } from "../numbers.ts";
import { cpuSince, cpuTimes, memoryMb, peakMemoryMb } from "../processes.ts";
import { rollout } from "../rollout.ts";
import { type BenchStack, type BenchStackOptions, withStack } from "../stack.ts";

const SENTINELS = 100_000;
const BASE = 1_000;
const KIB = 1_024;

export const huge: BenchCase = {
  name: "huge",
  compares:
    "a rollout of 100,000 with ids of 63 and images of 255 characters: ms per sentinel against one of 1,000, memory, sizes, and a kill at half",
  async measure({ size, runs, log }) {
    const small = size === "small";
    const [few, many] = small ? [20, 60] : [BASE, Number(process.env.BENCH_HUGE || SENTINELS)];
    const base = await withStack(stackOf(few, small), async (stack) => {
      // The first rollout of a fresh service does not count.
      await longRollout(stack, few);
      return repeated(Math.max(runs, 3), () => longRollout(stack, few));
    });
    log(`${few}: ${base.map(rounded).join(", ")} ms a sentinel`);
    const values = await repeated(runs, () =>
      withStack(stackOf(many, small), (stack) => measureOnce(stack, { sentinels: many, small }, log)),
    );
    const of = (value: (run: Run) => number) => values.map(value);
    const most = (value: (run: Run) => number) => rounded(Math.max(...of(value)));
    const each = of((run) => run.each);
    return [
      {
        ...{ case: "huge", runs: each.map((ms) => ms / median(base)), unit: "x" },
        ...limits(1.25, 1.1),
        note: `${rounded(median(each))} ms a sentinel at ${many}, ${rounded(median(base))} at ${few}`,
      },
      {
        ...{ case: "huge memory", runs: of((run) => run.serviceMb), unit: "MB" },
        ...limits(400, 300),
        note: `peak of the service; restate-server ${most((run) => run.restateMb)} MB`,
      },
      {
        ...{ case: "huge status", runs: of((run) => percentile(run.seen.statusMs, 99)), unit: "ms" },
        ...limits(200, 100),
        note: `p99 of ${values.flatMap((run) => run.seen.statusMs).length} Status while it runs`,
      },
      {
        ...{ case: "huge value", runs: of((run) => run.seen.largest.bytes / KIB), unit: "KiB" },
        ...limits(256, 256),
        note: `the largest K/V value: ${values[0]?.seen.largest.key}`,
      },
      {
        ...{ case: "huge head", runs: of((run) => run.seen.headBytes / KIB), unit: "KiB" },
        ...limits(32, 32),
        note: "rolloutState",
      },
      {
        ...{ case: "huge journal", runs: of((run) => run.journal.entries), unit: "entries" },
        ...limits(5_000, 5_000),
        note: `the largest of the rollout's invocations: ${values[0]?.journal.handler}`,
      },
      {
        ...{ case: "huge restart", runs: of((run) => run.restartSeconds), unit: "s" },
        ...limits(10, 5),
        note: "killed at half: from its start until a new Deploy has begun",
      },
    ];
  },
};

function limits(must: number, aim: number): Pick<Measurement, "must" | "aim"> {
  return { must: atMost(must), aim: atMost(aim) };
}

/** A small fleet has to be slow to be seen, and killed, at half. */
function stackOf(sentinels: number, small: boolean): BenchStackOptions {
  return { sentinels, lengths: "longest", ...(small ? { env: { MAX_IN_FLIGHT: "10" } } : {}) };
}

/** @returns ms per sentinel */
async function longRollout(stack: BenchStack, sentinels: number, image = newImage("longest")) {
  return (await rollout(stack, sentinels, undefined, image)).each;
}

interface Run {
  each: number;
  seen: Seen;
  journal: Journal;
  serviceMb: number;
  restateMb: number;
  restartSeconds: number;
}

/** One rollout that is watched, and another one whose service is killed, to its end, too. */
async function measureOnce(
  stack: BenchStack,
  { sentinels, small }: { sentinels: number; small: boolean },
  log: (line: string) => void,
): Promise<Run> {
  const { service, restate, kubernetes } = stack;
  log(`${sentinels} seeded: Kubernetes' stand-in has ${rounded(memoryMb(kubernetes.pid))} MB`);
  if (small) await kubernetes.updatesTake({ fromMs: 300, toMs: 500 });
  const before = cpuTimes(stack);
  let each = Number.NaN;
  const seen = await watchedWhile(stack, async () => {
    each = await longRollout(stack, sentinels);
  });
  log(`${rounded(each)} ms a sentinel; ${cpuSince(before, cpuTimes(stack), sentinels)}`);
  const own = await largestJournal(stack);
  const firstMb = peakMemoryMb(service.process.pid);
  log(
    `peak ${rounded(firstMb)} MB; Status p99 ${rounded(percentile(seen.statusMs, 99))} ms, worst ${rounded(Math.max(...seen.statusMs))} ms; ` +
      `largest value ${seen.largest.key} ${seen.largest.bytes} bytes, head ${seen.headBytes} bytes, journal of ${own.handler} ${own.entries} entries`,
  );
  const image = newImage("longest");
  const second = longRollout(stack, sentinels, image);
  const [killed] = await Promise.all([killAtHalf(stack, { sentinels, image }), second]);
  const journal = killed.journal.entries > own.entries ? killed.journal : own;
  const secondMb = peakMemoryMb(service.process.pid);
  const restateMb = peakMemoryMb(restate.process.pid);
  log(
    `killed at half: drives again after ${rounded(killed.seconds)} s, completes for all; peaks: service ${rounded(secondMb)} MB, restate-server ${rounded(restateMb)} MB, Kubernetes' stand-in ${rounded(peakMemoryMb(kubernetes.pid))} MB`,
  );
  const serviceMb = Math.max(firstMb, secondMb);
  return { each, seen, journal, serviceMb, restateMb, restartSeconds: killed.seconds };
}
