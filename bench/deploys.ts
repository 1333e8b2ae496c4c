import { query } from "../src/local-stack/restate-api.ts";
import { SentinelObject } from "../src/restate/contract.ts";
import type { BenchStack } from "./stack.ts";

const DEPLOYS = `target_service_name = '${SentinelObject.name}' AND target_handler_name = 'Deploy'`;

/** When (unix ms) each Deploy that is younger than a moment was launched, the oldest first. */
export async function launchedSince(stack: BenchStack, sinceMs: number): Promise<number[]> {
  const found = await query<{ created_at: string }>(
    stack.restate.admin,
    `SELECT created_at FROM sys_invocation
      WHERE ${DEPLOYS} AND created_at > to_timestamp_millis(${Math.floor(sinceMs)})`,
  );
  return found.map(({ created_at }) => timeOf(created_at)).sort((a, b) => a - b);
}

/** Restate tells UTC. */
function timeOf(text: string): number {
  return Date.parse(/Z|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`);
}

/** The last id, in their order, of those whose Deploy has not ended. */
export async function lastUnderWay(stack: BenchStack): Promise<string> {
  const [found] = await query<{ id: string | null }>(
    stack.restate.admin,
    `SELECT max(target_service_key) AS id FROM sys_invocation WHERE ${DEPLOYS} AND status <> 'completed'`,
  );
  return found?.id ?? "";
}
