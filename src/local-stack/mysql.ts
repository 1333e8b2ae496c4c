import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { announce, temporaryDirectory } from "./leftovers.ts";
import { type ManagedProcess, managedProcess } from "./managed-process.ts";
import { findMysql, type MysqlBinaries } from "./mysql-binaries.ts";
import { asRoot, copyDataDirectory, createDataDirectory, PREPARED_DATA } from "./mysql-data.ts";
import { canQuery, createDatabase, databaseName, dropDatabase } from "./mysql-database.ts";
import { obtainMysql } from "./mysql-install.ts";
import { freePort } from "./ports.ts";

export interface Mysql {
  /** URL of an empty database. Holds a password: never print it in a log. */
  url: string;
  /** What serves it, for a person. */
  description: string;
  /** The private server's process; absent when the server is not ours. */
  process?: ManagedProcess;
  /** Removes the database, and the server when it is ours. */
  stop(): Promise<void>;
}

export interface MysqlOptions {
  /** A database URL of a server to use instead of a private one. Default: `DATABASE_URL`. */
  server?: string | undefined;
  /** More arguments of a private server. */
  args?: readonly string[];
  /** Told what takes long, one line each. */
  log?: (line: string) => void;
}

/**
 * An empty database on a real MySQL-compatible server: on the given one, else on a private instance of the server
 * that is installed here, else of one that can be had without asking.
 * @throws Error that says what to install
 */
export async function startMysql(options: MysqlOptions = {}): Promise<Mysql> {
  const log = options.log ?? (() => undefined);
  const server = "server" in options ? options.server : process.env.DATABASE_URL || undefined;
  if (server !== undefined) return useServer(server);
  return startPrivate((await findMysql()) ?? (await obtainMysql(log)), options.args ?? []);
}

async function useServer(server: string): Promise<Mysql> {
  if (!URL.canParse(server)) throw new Error("DATABASE_URL must look like mysql://user:pass@host:3306/db");
  const name = databaseName();
  const gone = announce({ kind: "database", server, name });
  try {
    const url = await createDatabase(server, name);
    return {
      url,
      description: `database ${name} on the server of DATABASE_URL`,
      async stop() {
        await dropDatabase(server, name);
        gone();
      },
    };
  } catch (error) {
    gone();
    throw error;
  }
}

async function startPrivate(binaries: MysqlBinaries, more: readonly string[]): Promise<Mysql> {
  const directory = await temporaryDirectory();
  try {
    const data = join(directory.path, "data");
    const prepared = process.env[PREPARED_DATA] || undefined;
    if (prepared === undefined) await createDataDirectory(binaries, directory.path, data);
    else await copyDataDirectory(prepared, data);
    const password = randomBytes(16).toString("hex");
    const initFile = join(directory.path, "init.sql");
    await writeFile(initFile, initialStatements(password), { mode: 0o600 });
    const port = await freePort();
    const url = `mysql://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
    const server = managedProcess({
      name: binaries.flavour === "mariadb" ? "MariaDB" : "MySQL",
      command: binaries.server,
      args: [...serverArguments(binaries, directory.path, data, initFile, port), ...more],
      env: process.env,
      logFile: join(directory.path, "mysql.log"),
      ready: () => canQuery(url),
      readyTimeoutMs: 60_000,
      stopTimeoutMs: 20_000,
    });
    await server.start();
    return {
      url,
      description: `private ${binaries.server} on port ${port}`,
      process: server,
      async stop() {
        await server.stop();
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

const USER = "sentinel";
const DATABASE = "sentinel";

/** Run by the server itself before it accepts a connection: at no time it lets anybody in without a password. */
function initialStatements(password: string): string {
  return [
    `CREATE DATABASE IF NOT EXISTS ${DATABASE} CHARACTER SET utf8mb4;`,
    `CREATE USER IF NOT EXISTS '${USER}'@'%' IDENTIFIED BY '${password}';`,
    `GRANT ALL ON *.* TO '${USER}'@'%' WITH GRANT OPTION;`,
    "DROP USER IF EXISTS 'root'@'localhost';",
    "",
  ].join("\n");
}

function serverArguments(
  binaries: MysqlBinaries,
  directory: string,
  data: string,
  initFile: string,
  port: number,
): string[] {
  return [
    "--no-defaults",
    ...(asRoot() ? ["--user=root"] : []),
    `--datadir=${data}`,
    `--tmpdir=${directory}`,
    `--socket=${join(directory, "s.sock")}`,
    `--pid-file=${join(directory, "mysql.pid")}`,
    "--bind-address=127.0.0.1",
    `--port=${port}`,
    `--init-file=${initFile}`,
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--max-connections=300",
    "--innodb-buffer-pool-size=64M",
    // Commits reach the operating system, not the disk: they survive a kill -9 of the server.
    "--innodb-flush-log-at-trx-commit=2",
    ...(binaries.flavour === "mysql" ? ["--mysqlx=OFF", "--skip-log-bin"] : ["--innodb-log-file-size=16M"]),
  ];
}
