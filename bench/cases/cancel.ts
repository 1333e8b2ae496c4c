import type { StatusResponse } from "../../src/restate/rollout-schemas.ts";
import { atMost, type BenchCase, type BenchPlan } from "../case.ts";
import { bareFanOut } from "../fan-out.ts";
import { stepsOfADeploy } from "../journal.ts";
import { percentile, repeated, rounded } from "../numbers.ts";
import { rollout } from "../rollout.ts";
import { withStack } from "../stack.ts";
import { type Answers, stopAt, watchAndStop } from "../stop.ts";

interface Sizes {
  sentinels: number;
  /** So many in flight, on a stack each. */
  windows: number[];
  rounds: number;
  /** It is cancelled in its opening burst once so many are launched. */
  burst: number;
  /** What an update takes, in ms, where the machine is to be busy. */
  busy: { fromMs: number; toMs: number };
  /** And where the Deploys are to wait: so many of them, watched for so long in each round. */
  calm: { fromMs: number; toMs: number; window: number; lookMs: number; rounds: number };
}

const FULL: Sizes = {
  ...{ sentinels: 5_000, windows: [500, 5_000], rounds: 4, burst: 40 },
  busy: { fromMs: 0, toMs: 500 },
  calm: { fromMs: 4_000, toMs: 6_000, window: 500, lookMs: 2_000, rounds: 6 },
};
const SMALL: Sizes = {
  ...{ sentinels: 60, windows: [10], rounds: 1, burst: 4 },
  busy: { fromMs: 500, toMs: 1_000 },
  calm: { fromMs: 1_500, toMs: 2_000, window: 20, lookMs: 300, rounds: 1 },
};

export const cancel: BenchCase = {
  name: "cancel",
  compares:
    "Cancel's answers beside a busy wave, against exclusive calls beside the bare fan-out; what is launched after them; ms of Status and Cancel beside updates that take 5 s",
  async measure(plan) {
    const sizes = plan.size === "full" ? FULL : SMALL;
    const busy: Busy[] = [];
    for (const window of sizes.windows) busy.push(await besideBusyWave(window, sizes, plan));
    const calm = await besideSlowUpdates(sizes, plan);
    const worst = (value: (each: Busy, run: number) => number) =>
      Array.from({ length: plan.runs }, (_, run) => Math.max(...busy.map((each) => value(each, run))));
    const [statuses, cancels] = [calm.flatMap((each) => each.status), calm.flatMap((each) => each.cancel)];
    return [
      {
        case: "cancel",
        runs: worst(({ runs }, run) => p99(runs[run]?.cancels ?? []) / p99(runs[run]?.turns ?? [])),
        unit: "x",
        must: atMost(1.5),
        aim: atMost(1),
        note: busy.map(shown).join("; "),
      },
      {
        case: "cancel fence",
        runs: worst(({ runs }, run) => Math.max(...(runs[run]?.late ?? []))),
        unit: "Deploys",
        must: atMost(32),
        aim: atMost(32),
        note: "most that were launched later than Cancel's answer",
      },
      {
        case: "cancel calm",
        runs: calm.map((each) => Math.max(p99(each.status), p99(each.cancel))),
        unit: "ms",
        must: atMost(100),
        aim: atMost(50),
        note: `Status p99 ${p99(statuses)} ms, Cancel p99 ${p99(cancels)} ms`,
      },
    ];
  },
};

interface BusyRun {
  /** Ms until Cancel answered. */
  cancels: number[];
  /** Ms of the exclusive calls beside the bare fan-out. */
  turns: number[];
  /** Deploys that were launched later than each Cancel's answer. */
  late: number[];
}

interface Busy {
  window: number;
  runs: BusyRun[];
}

function besideBusyWave(window: number, sizes: Sizes, { runs, log }: BenchPlan): Promise<Busy> {
  const { sentinels, rounds, burst, busy } = sizes;
  const moments: [string, (seen: StatusResponse) => boolean][] = [
    ["in the opening burst", ({ succeeded, in_flight }) => succeeded + in_flight >= burst],
    ["in the middle", ({ succeeded }) => succeeded >= 0.5 * sentinels],
    ["near the end", ({ succeeded }) => succeeded >= 0.9 * sentinels],
  ];
  return withStack({ sentinels, env: { MAX_IN_FLIGHT: String(window) } }, async (stack) => {
    const { turnsBeside } = await bareFanOut(stack);
    await rollout(stack, sentinels, [100]);
    const steps = await stepsOfADeploy(stack);
    await stack.kubernetes.updatesTake(busy);
    const values = await repeated(runs, async () => {
      const run: BusyRun = { cancels: [], turns: [], late: [] };
      for (let round = 0; round < rounds; round++) {
        run.turns.push(...(await turnsBeside(sentinels, steps, window)));
        for (const [moment, comes] of moments) {
          const stopped = await stopAt(stack, comes);
          const told = stopped && `${rounded(stopped.ms)} ms, ${stopped.late} launched later`;
          log(`${window} in flight, ${moment}: ${told ?? "it was over already"}`);
          if (stopped === undefined) continue;
          run.cancels.push(stopped.ms);
          run.late.push(stopped.late);
        }
      }
      log(shown({ window, runs: [run] }));
      return run;
    });
    return { window, runs: values };
  });
}

function shown({ window, runs }: Busy): string {
  const [cancels, turns] = [runs.flatMap((run) => run.cancels), runs.flatMap((run) => run.turns)];
  return `${window} in flight: ${cancels.length} Cancels p99 ${p99(cancels)} ms, ${turns.length} exclusive calls p99 ${p99(turns)} ms`;
}

function besideSlowUpdates({ sentinels, calm }: Sizes, { runs, log }: BenchPlan): Promise<Answers[]> {
  const { window, rounds, fromMs, toMs } = calm;
  return withStack({ sentinels, env: { MAX_IN_FLIGHT: String(window) } }, async (stack) => {
    await rollout(stack, sentinels, [100]);
    await stack.kubernetes.updatesTake({ fromMs, toMs });
    return repeated(runs, async () => {
      const answers: Answers = { status: [], cancel: [] };
      for (let round = 0; round < rounds; round++) await watchAndStop(stack, calm, answers);
      log(`updates of 5 s: Status p99 ${p99(answers.status)} ms, Cancel p99 ${p99(answers.cancel)} ms`);
      return answers;
    });
  });
}

function p99(values: readonly number[]): number {
  return rounded(percentile(values, 99));
}
