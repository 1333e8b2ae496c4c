import type { Held } from "../domain/answer.ts";
import type { SentinelResult } from "../domain/drive-state.ts";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { SentinelRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";

export interface RowsOfLaneOptions {
  store: Pick<SentinelStore, "read">;
  clusters: Pick<Clusters, "forRegion" | "health">;
}

/**
 * What the rows tell of the sentinels that a lane holds: only what a Deploy of this drive has written
 * there. A sentinel whose Deploy is still under way, or was never launched, is left out.
 */
export async function rowsOfLane(
  held: Held,
  { store, clusters }: RowsOfLaneOptions,
): Promise<SentinelResult[]> {
  const away = new Set(clusters.health().flatMap(({ cluster, reachable }) => (reachable ? [] : [cluster])));
  const isAway = ({ regionId }: SentinelRow) => away.has(clusters.forRegion(regionId)?.name ?? "");
  const rows = await Promise.all(held.items.map(({ id }) => store.read(id)));
  return held.items.flatMap(({ id, at, unrecorded, ...item }, i): SentinelResult[] => {
    const row = rows[i];
    const ending = item.from === undefined ? forwardEnding(row, held) : revertEnding(row, item.from, held);
    // Of that one no row tells that it took the image.
    const is = ending === "gone" && unrecorded && row?.image !== held.image ? "untouched" : ending;
    if (is === undefined) return [];
    const why = row?.deployError ?? undefined;
    // As its Deploy would have said: it may be the cluster, and not the image.
    const blames = is === "failed" && row !== undefined && isAway(row) ? { away: true as const } : {};
    const said = { ...(why === undefined ? {} : { why }), ...(unrecorded ? { unrecorded } : {}) };
    return [{ id, at, is, ...said, ...blames }];
  });
}

function forwardEnding(
  row: SentinelRow | undefined,
  { image, sinceMs }: Held,
): SentinelResult["is"] | undefined {
  if (row === undefined || row.desiredState !== "running") return "skipped";
  if (row.image !== image || (row.updatedAtMs ?? 0) < sinceMs) return undefined;
  if (row.deployStatus === "ready") return "succeeded";
  return row.deployStatus === "failed" ? "failed" : undefined;
}

function revertEnding(
  row: SentinelRow | undefined,
  from: string,
  { sinceMs }: Held,
): SentinelResult["is"] | undefined {
  if (row === undefined || row.desiredState !== "running") return "gone";
  if (row.image !== from || (row.updatedAtMs ?? 0) < sinceMs) return undefined;
  if (row.deployStatus === "ready") return "reverted";
  return row.deployStatus === "failed" ? "missed" : undefined;
}
