import { and, inArray, sql } from "./drizzle.ts";
import type { Fence } from "./fence.ts";
import { ownValues } from "./own-values.ts";
import { type Database, execute } from "./pool.ts";
import type { SentinelRow, Written } from "./row.ts";
import { sentinels } from "./schema.ts";

/** Length of deploy_error. */
const REASON_LENGTH = 1_024;

/** As the column takes it. */
export function fittingReason(reason: string): string {
  return reason.slice(0, REASON_LENGTH).toWellFormed();
}

/** The row of each id, in their order. */
export async function readRows(db: Database, ids: readonly string[]): Promise<(SentinelRow | undefined)[]> {
  const rows = await execute(
    db
      .select({
        id: sentinels.id,
        k8sName: sentinels.k8sName,
        regionId: sentinels.regionId,
        health: sentinels.health,
        availableReplicas: sentinels.availableReplicas,
        image: sentinels.image,
        runningImage: sentinels.runningImage,
        deployStatus: sentinels.deployStatus,
        updatedAtMs: sentinels.updatedAt,
        desiredState: sentinels.desiredState,
        desiredReplicas: sentinels.desiredReplicas,
        cpuMillicores: sentinels.cpuMillicores,
        memoryMib: sentinels.memoryMib,
        deployError: sentinels.deployError,
      })
      .from(sentinels)
      .where(inArray(sentinels.id, [...new Set(ids)])),
  );
  // By the exact id: a column that ignores case must not let two keys lead to one sentinel.
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id));
}

/** One row's own columns, and the fence within which they are written. */
export interface FencedColumns {
  id: string;
  fence: Fence;
  columns: Parameters<typeof ownValues>[0][number]["columns"] & { updatedAt: number; deployStatus: string };
}

/** Writes each row that is within its fence, all of them in one statement. An id that is there again waits for the next one. */
export async function writeFenced(db: Database, rows: readonly FencedColumns[]): Promise<Written[]> {
  const byId = new Map<string, number>();
  const again: number[] = [];
  for (const [i, { id }] of rows.entries()) {
    if (byId.has(id)) again.push(i);
    else byId.set(id, i);
  }
  const answers: Written[] = [];
  const first = [...byId.values()];
  for (const [n, written] of (await writeOnce(db, picked(rows, first))).entries()) {
    answers[first[n] as number] = written;
  }
  if (again.length === 0) return answers;
  for (const [n, written] of (await writeFenced(db, picked(rows, again))).entries()) {
    answers[again[n] as number] = written;
  }
  return answers;
}

/** No id is there twice. */
async function writeOnce(db: Database, rows: readonly FencedColumns[]): Promise<Written[]> {
  const ids = rows.map(({ id }) => id);
  const allowed = rows.flatMap(({ id, fence }) => fence.map((atMs) => sql`(${id}, ${atMs ?? NEVER})`));
  const within = sql`(${sentinels.id}, coalesce(${sentinels.updatedAt}, ${NEVER})) in (${sql.join(allowed, sql`, `)})`;
  const [{ affectedRows }] = await execute(
    db
      .update(sentinels)
      .set(ownValues(rows))
      .where(and(inArray(sentinels.id, ids), within)),
  );
  if (affectedRows === rows.length) return rows.map(() => ({ written: true }));
  const present = await readRows(db, ids);
  return rows.map(({ columns }, i) => {
    const row = present[i];
    const isThere = row?.updatedAtMs === columns.updatedAt && row.deployStatus === columns.deployStatus;
    return isThere ? { written: true } : { written: false, row };
  });
}

/** Stands for no updated_at at all. */
const NEVER = -1;

function picked<T>(all: readonly T[], indices: readonly number[]): T[] {
  return indices.map((i) => all[i] as T);
}
