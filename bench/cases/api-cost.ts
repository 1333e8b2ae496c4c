import { atMost, type BenchCase } from "../case.ts";
import type { UpdateTime } from "../kubernetes/instant-updates.ts";
import { repeated, rounded } from "../numbers.ts";
import { rollout } from "../rollout.ts";
import { type BenchStack, rows, withStack } from "../stack.ts";

export const apiCost: BenchCase = {
  name: "api cost",
  compares: "all requests to Kubernetes and all statements to MySQL during a rollout, per Deploy",
  async measure({ size, runs, log }) {
    const sentinels = size === "full" ? 2_000 : 60;
    return withStack({ sentinels }, async (stack) => {
      await rollout(stack, sentinels);
      const values = await repeated(runs, async () => {
        const atOnce = await cost(stack, sentinels, { fromMs: 0, toMs: 0 });
        const waiting = await cost(stack, sentinels, { fromMs: 1_500, toMs: 2_500 });
        log(`at once: ${shown(atOnce)}; waiting: ${shown(waiting)}`);
        return {
          kubernetes: Math.max(atOnce.kubernetes, waiting.kubernetes),
          sql: Math.max(atOnce.sql, waiting.sql),
        };
      });
      const note = "the dearer of updates that converge at once and updates that take two seconds";
      return [
        {
          case: "api cost",
          runs: values.map(({ kubernetes }) => kubernetes),
          unit: "requests",
          must: atMost(3),
          aim: atMost(2),
          note,
        },
        {
          case: "api cost sql",
          runs: values.map(({ sql }) => sql),
          unit: "statements",
          must: atMost(4),
          aim: atMost(2),
          note,
        },
      ];
    });
  },
};

interface Cost {
  kubernetes: number;
  sql: number;
}

/** Per sentinel of one rollout. */
async function cost(stack: BenchStack, sentinels: number, time: UpdateTime): Promise<Cost> {
  await stack.kubernetes.updatesTake(time);
  const before = await counted(stack);
  await rollout(stack, sentinels, [100]);
  const after = await counted(stack);
  return {
    kubernetes: (after.kubernetes - before.kubernetes) / sentinels,
    // The second reading of the counter counts itself.
    sql: (after.sql - before.sql - 1) / sentinels,
  };
}

function shown({ kubernetes, sql }: Cost): string {
  return `${rounded(kubernetes)} requests, ${rounded(sql)} statements`;
}

async function counted(stack: BenchStack): Promise<Cost> {
  const requests = Object.values(await stack.kubernetes.requests());
  const [questions] = await rows<{ Value: string }>(stack, "SHOW GLOBAL STATUS LIKE 'Questions'");
  return { kubernetes: requests.reduce((sum, n) => sum + n, 0), sql: Number(questions?.Value) };
}
