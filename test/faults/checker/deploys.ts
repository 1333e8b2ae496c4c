import type { Verb } from "./evidence.ts";
import type { Sight } from "./sight.ts";
import type { Sources } from "./sources.ts";
import { goesBack, isTaken } from "./verbs.ts";

/** All that a rollout, or one of its lanes, asked for. */
export const DEPLOYS =
  "SELECT target_service_key AS sentinel, created_at, completed_at FROM sys_invocation" +
  " WHERE target_service_name = 'hydra.v1.SentinelService' AND target_handler_name = 'Deploy'" +
  " AND invoked_by_service_name LIKE 'hydra.v1.SentinelRollout%'";

export interface StoredDeploy {
  sentinel: string;
  created_at: string;
  completed_at: string | null;
}

export interface Deploy {
  sentinel: string;
  /** Unix ms. */
  fromMs: number;
  toMs: number;
}

/** Every Deploy that a rollout has asked for so far. */
export async function deploysOf(sources: Pick<Sources, "sql">): Promise<Deploy[]> {
  const deploys = await sources.sql<StoredDeploy>(DEPLOYS);
  return deploys.map(({ sentinel, created_at, completed_at }) => ({
    sentinel,
    fromMs: Date.parse(created_at),
    toMs: completed_at === null ? Number.POSITIVE_INFINITY : Date.parse(completed_at),
  }));
}

/** Those of this rollout that went forward: until somebody asked for the way back. */
export async function forwardDeploys(
  sources: Pick<Sources, "sql">,
  { verbs }: Pick<Sight, "verbs">,
): Promise<Deploy[]> {
  const from = verbs[0]?.askedMs ?? Number.POSITIVE_INFINITY;
  const back = verbs.filter((verb: Verb) => goesBack(verb) && isTaken(verb)).map(({ askedMs }) => askedMs);
  const to = Math.min(...back);
  return (await deploysOf(sources)).filter(({ fromMs }) => fromMs >= from && fromMs < to);
}

/** A drive was cancelled or killed, and Deploys with it: who goes on may have to deploy somebody again. */
export function wasInterrupted({ troubles }: Pick<Sight, "troubles">): boolean {
  return troubles.some(({ name }) => /invocation/.test(name));
}
