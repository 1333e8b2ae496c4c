import { drizzle } from "drizzle-orm/mysql2";
import mysql from "mysql2/promise";
import { sentinels } from "../../src/mysql/schema.ts";

type Given = Partial<typeof sentinels.$inferInsert> & { id: string };

/** Rows as the control plane would make them; whatever is not given is made up. */
export async function insertSentinels(databaseUrl: string, given: Given[]): Promise<void> {
  const connection = await mysql.createConnection({ uri: databaseUrl });
  const db = drizzle(connection);
  try {
    for (let at = 0; at < given.length; at += 1_000) {
      await db.insert(sentinels).values(given.slice(at, at + 1_000).map(row));
    }
  } finally {
    await connection.end();
  }
}

function row(given: Given): typeof sentinels.$inferInsert {
  return {
    workspaceId: "ws_1",
    projectId: "prj_1",
    environmentId: `env_${given.id}`,
    regionId: "local",
    k8sName: `k8s-${given.id}`,
    k8sAddress: `${given.id}.sentinel.svc.cluster.local`,
    image: "x:v1",
    desiredReplicas: 1,
    cpuMillicores: 250,
    memoryMib: 256,
    createdAt: 1_700_000_000_000,
    ...given,
  };
}
