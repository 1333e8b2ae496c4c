import { laterThan } from "../../src/mysql/fence.ts";
import { openPool } from "../../src/mysql/pool.ts";
import { createSentinelStore } from "../../src/mysql/sentinels.ts";

export interface RowWork {
  databaseUrl: string;
  ids: string[];
  image: string;
  /** Most rows that are worked on at a time. */
  window: number;
}

/** Reads each row, writes what it is to be and then that it is so, and nothing else; resolves to its own CPU time in ms. */
export async function writeRows({ databaseUrl, ids, image, window }: RowWork): Promise<number> {
  const pool = openPool(databaseUrl);
  const store = createSentinelStore(pool.db);
  const left = ids.values();
  const from = process.cpuUsage();
  const some = async () => {
    for (const id of left) {
      const row = await store.read(id);
      if (row === undefined) throw new Error(`there is no row ${id}`);
      const { cpuMillicores, memoryMib, desiredReplicas, availableReplicas } = row;
      const begun = laterThan([row.updatedAtMs], Date.now());
      const desired = { image, cpuMillicores, memoryMib, desiredReplicas };
      await store.markProgressing(id, desired, { fence: [row.updatedAtMs], atMs: begun });
      const fence = [row.updatedAtMs, begun] as const;
      const observed = { health: "healthy", availableReplicas, runningImage: image } as const;
      await store.settle(id, { status: "ready", observed }, { fence, atMs: laterThan(fence, Date.now()) });
    }
  };
  await Promise.all(Array.from({ length: window }, some));
  const { user, system } = process.cpuUsage(from);
  await pool.close();
  return (user + system) / 1_000;
}
