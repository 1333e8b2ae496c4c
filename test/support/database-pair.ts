import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { migrateDatabase } from "../../src/mysql/migrate.ts";
import { startTcpRelay, type TcpRelay } from "../faults/harness/tcp-relay.ts";

/** A user without special rights, as production gives the service one: a read-only server binds it, too. */
const USER = "application";
const PASSWORD = "of-both-servers";

/** Two servers, one of them the primary, behind one address, as a managed database has them. */
export interface DatabasePair {
  /** The common address, for the service. */
  url: string;
  relay: TcpRelay;
  servers: readonly [Mysql, Mysql];
  /** A server takes no more writes of the service. What it has begun to commit is committed. */
  setReadOnly(server: Mysql, on: boolean): Promise<void>;
  /** Gives one server all rows of the other, in place of its own. */
  copy(from: Mysql, to: Mysql): Promise<void>;
  /** New connections reach this server; those there are stay where they are. */
  lead(to: Mysql): void;
  /** How many connections the service has to a server. */
  connections(to: Mysql): Promise<number>;
  /** Leaves servers alone that were given. */
  close(): Promise<void>;
}

/** @param first a private server with all tables; default: a new one */
export async function startDatabasePair(first?: Mysql): Promise<DatabasePair> {
  const own: Mysql[] = [];
  const start = async () => {
    const server = await startMysql({ server: undefined });
    own.push(server);
    await migrateDatabase(server.url, { withSentinels: true });
    return server;
  };
  const servers = [first ?? (await start()), await start()] as const;
  for (const { url } of servers) {
    await asAdmin(url, async (admin) => {
      await admin.query("CREATE USER ?@'%' IDENTIFIED BY ?", [USER, PASSWORD]);
      await admin.query("GRANT SELECT, INSERT, UPDATE, DELETE ON ??.* TO ?@'%'", [databaseOf(url), USER]);
    });
  }
  const relay = await startTcpRelay([portOf(servers[0])]);
  return {
    url: `mysql://${USER}:${PASSWORD}@127.0.0.1:${relay.port}/${databaseOf(servers[0].url)}`,
    relay,
    servers,
    setReadOnly: ({ url }, on) =>
      asAdmin(url, async (admin) => {
        await admin.query(`SET GLOBAL read_only = ${on ? 1 : 0}`);
      }),
    copy: (from, to) => asAdmin(from.url, (source) => asAdmin(to.url, (target) => copyRows(source, target))),
    lead(to) {
      relay.targets = [portOf(to)];
    },
    connections: ({ url }) =>
      asAdmin(url, async (admin) => {
        const [[row]] = await admin.query<RowDataPacket[]>(
          "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = ?",
          [USER],
        );
        return Number(row?.n);
      }),
    async close() {
      await relay.close();
      for (const server of own) await server.stop();
    },
  };
}

async function copyRows(source: Connection, target: Connection): Promise<void> {
  const [tables] = await source.query<RowDataPacket[]>({ sql: "SHOW TABLES", rowsAsArray: true });
  for (const [table] of tables as unknown as string[][]) {
    const [rows] = await source.query<RowDataPacket[]>("SELECT * FROM ??", [table]);
    await target.query("DELETE FROM ??", [table]);
    for (const row of rows) await target.query("INSERT INTO ?? SET ?", [table, row]);
  }
}

async function asAdmin<T>(url: string, work: (admin: Connection) => Promise<T>): Promise<T> {
  const admin = await mysql.createConnection({ uri: url });
  try {
    return await work(admin);
  } finally {
    admin.destroy();
  }
}

function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

function portOf({ url }: Mysql): number {
  return Number(new URL(url).port);
}
