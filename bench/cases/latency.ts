import { atMost, type BenchCase } from "../case.ts";
import { percentile, repeated, rounded } from "../numbers.ts";
import { rollout } from "../rollout.ts";
import { type BenchStack, rows, withStack } from "../stack.ts";

const IN_FLIGHT = 200;

export const latency: BenchCase = {
  name: "latency",
  compares: "ms from a Deployment's convergence in the API to the row's `ready`, p99",
  async measure({ size, runs, log }) {
    const sentinels = size === "full" ? 2_000 : 40;
    return withStack({ sentinels, env: { MAX_IN_FLIGHT: String(IN_FLIGHT) } }, async (stack) => {
      await recordReadyTimes(stack);
      await rollout(stack, sentinels, [100]);
      // Long enough for the wake-up to find a Deploy that waits.
      await stack.kubernetes.updatesTake({ fromMs: 500, toMs: 2_500 });
      const values = await repeated(runs, async () => {
        await stack.db.query("DELETE FROM bench_ready");
        await rollout(stack, sentinels, [100]);
        const delays = await readyDelays(stack);
        log(`p50 ${rounded(percentile(delays, 50))} ms, p99 ${rounded(percentile(delays, 99))} ms`);
        return delays;
      });
      const all = values.flat();
      return [
        {
          case: "latency",
          runs: values.map((delays) => percentile(delays, 99)),
          unit: "ms",
          must: atMost(250),
          aim: atMost(60),
          note: `p50 ${rounded(percentile(all, 50))} ms, worst ${rounded(percentile(all, 100))} ms, ${IN_FLIGHT} in flight`,
        },
      ];
    });
  },
};

/** The database itself notes when a row becomes `ready`. */
async function recordReadyTimes({ db }: BenchStack): Promise<void> {
  await db.query("CREATE TABLE bench_ready (k8s_name varchar(64) PRIMARY KEY, at_ms double)");
  await db.query(`CREATE TRIGGER bench_ready AFTER UPDATE ON sentinels FOR EACH ROW
    IF NEW.deploy_status = 'ready' AND OLD.deploy_status <> 'ready' THEN
      REPLACE INTO bench_ready VALUES (NEW.k8s_name, UNIX_TIMESTAMP(SYSDATE(3)) * 1000);
    END IF`);
}

async function readyDelays(stack: BenchStack): Promise<number[]> {
  const convergedMs = await stack.kubernetes.convergedMs();
  const ready = await rows<{ k8s_name: string; at_ms: number }>(stack, "SELECT * FROM bench_ready");
  return ready.map(({ k8s_name, at_ms }) => at_ms - (convergedMs[k8s_name] ?? Number.NaN));
}
