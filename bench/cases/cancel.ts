import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type BenchCase } from "../case.ts";
import { percentile, repeated, rounded, timed } from "../numbers.ts";
import { ended, startRollout, status, verb } from "../rollout.ts";
import { type BenchStack, until, withStack } from "../stack.ts";

const ROUNDS = 4;
const LOOKS = 25;

export const cancel: BenchCase = {
  name: "cancel",
  compares: "ms until Status and Cancel answer while one wave runs, p99 of all answers",
  async measure({ size, runs, log }) {
    const full = size === "full";
    const sentinels = full ? 5_000 : 60;
    return withStack({ sentinels }, async (stack) => {
      await stack.kubernetes.updatesTake(full ? { fromMs: 0, toMs: 500 } : { fromMs: 3_000, toMs: 3_000 });
      const values = await repeated(runs, async () => {
        const answers: Answers = { status: [], cancel: [] };
        for (let round = 0; round < (full ? ROUNDS : 1); round++) await oneRound(stack, answers);
        const worst = (times: number[]) => rounded(percentile(times, 99));
        log(`Status p99 ${worst(answers.status)} ms, Cancel p99 ${worst(answers.cancel)} ms`);
        return answers;
      });
      const cancels = values.flatMap((answers) => answers.cancel);
      return [
        {
          case: "cancel",
          runs: values.map((answers) => percentile([...answers.status, ...answers.cancel], 99)),
          unit: "ms",
          must: atMost(200),
          aim: atMost(50),
          note: `of ${cancels.length} Cancels the slowest took ${rounded(percentile(cancels, 100))} ms`,
        },
      ];
    });
  },
};

interface Answers {
  status: number[];
  cancel: number[];
}

/** A rollout in one wave, watched for a while and then cancelled. */
async function oneRound(stack: BenchStack, answers: Answers): Promise<void> {
  const drive = await startRollout(stack, [100]);
  await until("the rollout runs", async () => (await status(stack)).state === "in_progress");
  for (let look = 0; look < LOOKS; look++) {
    answers.status.push(await timed(() => status(stack)));
    await sleep(50);
  }
  answers.cancel.push(await timed(() => verb(stack, "Cancel")));
  await ended(stack, drive);
}
