import type { SentinelRow } from "../mysql/row.ts";

/** Why a sentinel is no rollout's business any more; undefined while it is. */
export function retired(row: SentinelRow | undefined): string | undefined {
  if (row === undefined) return "it has no row any more";
  return row.desiredState === "running" ? undefined : `its desired state is ${row.desiredState}`;
}
