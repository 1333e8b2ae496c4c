import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { reasonOf } from "../util/reason.ts";
import { find, findMysql, type MysqlBinaries } from "./mysql-binaries.ts";
import { baseDirectory } from "./mysql-database.ts";

const ADVICE =
  "no MySQL-compatible server found: install MariaDB or MySQL (Debian: apt-get install " +
  "mariadb-server-core mariadb-client-core, " +
  "macOS: brew install mariadb), or set DATABASE_URL to a server on which a database may be created";

const DOWNLOADS = "https://cdn.mysql.com/";

/** The programs alone. The package mariadb-server would make a system service of them that starts with the machine. */
const PACKAGES = ["mariadb-server-core", "mariadb-client-core"];
/** With "1" in this variable nothing is installed or downloaded. */
export const SAYS_NO = "SENTINEL_ROLLOUT_NO_INSTALL";

/**
 * A server for a machine that has none: the distribution's packages where this process may install them, else a download.
 * With `SENTINEL_ROLLOUT_NO_INSTALL=1` neither.
 * @throws Error that says what to install
 */
export async function obtainMysql(
  log: (line: string) => void,
  env: Record<string, string | undefined> = process.env,
): Promise<MysqlBinaries> {
  if (env[SAYS_NO] === "1") throw new Error(`${ADVICE}\n(${SAYS_NO}=1: nothing is installed or downloaded)`);
  try {
    if (!canInstall()) return await downloadMysql(log);
    log(`no MySQL or MariaDB server here: installing ${PACKAGES.join(" and ")} (${SAYS_NO}=1 says no)`);
    await installMariadb();
  } catch (error) {
    // The downloader throws plain strings.
    throw new Error(`${ADVICE}\n(${reasonOf(error, String(error))})`);
  }
  const installed = await findMysql();
  if (installed === undefined) throw new Error(ADVICE);
  return installed;
}

/** This process may install packages: it is root's, on Debian or a descendant of it. */
export function canInstall(): boolean {
  if (process.getuid?.() !== 0 || find("apt-get") === undefined || !existsSync("/etc/os-release"))
    return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync("/etc/os-release", "utf8"));
}

/** @throws Error with the end of apt-get's output */
async function installMariadb(): Promise<void> {
  const environment = { DEBIAN_FRONTEND: "noninteractive" };
  // Somebody else (another stack, too) may be installing: wait for them.
  const lock = ["-o", "DPkg::Lock::Timeout=300"];
  // A stale or unreachable list is no reason to give up: the packages may be in those known already.
  await execa("apt-get", [...lock, "update", "-q"], { env: environment, reject: false, timeout: 300_000 });
  const install = await execa(
    "apt-get",
    [...lock, "install", "-y", "-q", "--no-install-recommends", ...PACKAGES],
    { env: environment, reject: false, timeout: 600_000, all: true },
  );
  if (install.exitCode !== 0) {
    const end = (install.all ?? "").trim().split("\n").slice(-5).join("\n");
    throw new Error(`apt-get could not install ${PACKAGES.join(" and ")}:\n${end}`);
  }
}

/** Needs no rights, but downloads some 100 MB, once: the programs stay in the temporary directory of the system. */
async function downloadMysql(log: (line: string) => void): Promise<MysqlBinaries> {
  log(`no MySQL or MariaDB server here: downloading MySQL (${SAYS_NO}=1 says no)`);
  // The downloader would fill the terminal with its retries.
  await fetch(DOWNLOADS, { method: "HEAD", signal: AbortSignal.timeout(10_000) }).catch(() => {
    throw new Error(`${DOWNLOADS} cannot be reached`);
  });
  const { createDB } = await import("mysql-memory-server");
  // Its own server is started once to learn where the programs are, then ours takes over.
  const server = await createDB({ version: "8.4.x", xEnabled: "OFF" });
  try {
    const directory = await baseDirectory(`mysql://${server.username}@127.0.0.1:${server.port}/`);
    return { flavour: "mysql", server: join(directory, "bin", "mysqld") };
  } finally {
    await server.stop();
  }
}
