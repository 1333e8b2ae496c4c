import { query } from "../../src/dry-run/restate-api.ts";
import { atMost, type BenchCase } from "../case.ts";
import { repeated } from "../numbers.ts";
import { rollout, status } from "../rollout.ts";
import { type BenchStack, withStack } from "../stack.ts";

export const state: BenchCase = {
  name: "state",
  compares: "bytes written to K/V state per wave, against the size of the state at the end",
  async measure({ size, runs, log }) {
    const sentinels = size === "full" ? 10_000 : 60;
    return withStack({ sentinels }, async (stack) => {
      const values = await repeated(runs, async (round) => {
        const before = await writtenBytes(stack);
        await rollout(stack, sentinels);
        const { waves } = await status(stack);
        const written = (await writtenBytes(stack)) - before;
        const [kept] = await query<{ bytes: number }>(
          stack.restate.admin,
          `SELECT sum(length(value_utf8)) AS bytes FROM state WHERE service_name = '${SERVICE}'`,
        );
        const bytes = kept?.bytes ?? Number.NaN;
        log(`run ${round + 1}: ${written} bytes in ${waves} waves, the state has ${bytes}`);
        return written / waves / bytes;
      });
      return [
        {
          case: "state",
          runs: values,
          unit: "x",
          must: atMost(30),
          aim: atMost(10),
          note: `${sentinels} sentinels, default waves`,
        },
      ];
    });
  },
};

const SERVICE = "hydra.v1.SentinelRolloutService";

/** What the transitions' journals say they wrote. */
async function writtenBytes(stack: BenchStack): Promise<number> {
  const [sum] = await query<{ bytes: number | null }>(
    stack.restate.admin,
    `SELECT sum(j.raw_length) AS bytes FROM sys_journal j JOIN sys_invocation i ON j.id = i.id
      WHERE i.target_service_name = '${SERVICE}' AND j.entry_type = 'Command: SetState'`,
  );
  return sum?.bytes ?? 0;
}
