import { accessSync, constants } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";

/** An installed server. The two differ in how a data directory is made. */
export interface MysqlBinaries {
  flavour: "mariadb" | "mysql";
  server: string;
  /** MariaDB's script that fills a new data directory. */
  installDb?: string;
}

/** Where servers live that are not on everybody's PATH. */
const MORE_DIRECTORIES = [
  "/usr/sbin",
  "/usr/local/sbin",
  "/usr/libexec",
  "/usr/local/mysql/bin",
  "/opt/homebrew/bin",
  "/opt/homebrew/opt/mysql/bin",
  "/opt/homebrew/opt/mariadb/bin",
];

/** A usable MariaDB or MySQL server of this machine, if there is one. */
export async function findMysql(): Promise<MysqlBinaries | undefined> {
  for (const name of ["mariadbd", "mysqld"]) {
    const server = find(name);
    if (server === undefined) continue;
    const version = await execa(server, ["--no-defaults", "--version"], { reject: false, timeout: 20_000 });
    if (version.exitCode !== 0) continue;
    if (!version.stdout.includes("MariaDB")) return { flavour: "mysql", server };
    const beside = [dirname(server), join(dirname(server), "../bin"), join(dirname(server), "../scripts")];
    const installDb = find("mariadb-install-db", beside) ?? find("mysql_install_db", beside);
    if (installDb !== undefined) return { flavour: "mariadb", server, installDb };
  }
  return undefined;
}

/** Path of an executable. */
export function find(name: string, first: string[] = []): string | undefined {
  const directories = [...first, ...(process.env.PATH ?? "").split(delimiter), ...MORE_DIRECTORIES];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
