import { query } from "../src/local-stack/restate-api.ts";
import type { Steps } from "./bare/process.ts";
import type { BenchStack } from "./stack.ts";

/** The durable steps that one Deploy of the last rollout took, as its journal shows them: the most frequent numbers. */
export async function stepsOfADeploy(stack: BenchStack): Promise<Steps> {
  const rows = await query<{ type: string; n: number; invocations: number }>(
    stack.restate.admin,
    `SELECT j.entry_type AS type, count(*) AS n, count(DISTINCT j.id) AS invocations
       FROM sys_journal j JOIN (SELECT id FROM sys_invocation
         WHERE target_service_name = 'hydra.v1.SentinelService' AND target_handler_name = 'Deploy'
           AND status = 'completed' ORDER BY modified_at DESC LIMIT 500) i ON j.id = i.id
      GROUP BY j.entry_type`,
  );
  const deploys = Math.max(...rows.map(({ invocations }) => invocations), 1);
  const each = (type: string) =>
    Math.round((rows.find((row) => row.type === `Command: ${type}`)?.n ?? 0) / deploys);
  return { runs: each("Run"), sets: each("SetState"), clears: each("ClearState") };
}
