import type { Sources } from "./sources.ts";

/** Entries of a journal. */
const MOST = 5_000;

/** The longest first. */
export const JOURNALS =
  "SELECT i.id, i.target, count(*) AS entries FROM sys_journal j JOIN sys_invocation i ON i.id = j.id" +
  " WHERE i.target_service_name LIKE 'hydra.v1.SentinelRollout%' GROUP BY i.id, i.target ORDER BY entries DESC LIMIT 5";

/** m: no journal of the rollout grows with the fleet. */
export async function journalsAreBounded(sources: Pick<Sources, "sql">): Promise<string[]> {
  const longest = await sources.sql<{ id: string; target: string; entries: number }>(JOURNALS);
  return longest
    .filter(({ entries }) => entries > MOST)
    .map(({ id, target, entries }) => `m: the journal of ${target} (${id}) has ${entries} entries`);
}
