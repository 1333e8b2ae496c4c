import { copyFile, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { MysqlBinaries } from "./mysql-binaries.ts";

/**
 * The variable with the path of a data directory that no server has used. A private server copies it, which takes much less
 * time than making one: for a process that has many servers started, such as the tests.
 */
export const PREPARED_DATA = "SENTINEL_ROLLOUT_MYSQL_DATA";

/**
 * Fills a new data directory.
 * @param directory an existing one, for temporary files
 * @param data path of the data directory, which does not exist
 * @throws Error with the program's own errors
 */
export async function createDataDirectory(
  binaries: MysqlBinaries,
  directory: string,
  data: string,
): Promise<void> {
  // Not the common one: a server that starts removes the temporary tables it finds there, also those of another.
  const tmpdir = `--tmpdir=${directory}`;
  const user = asRoot() ? ["--user=root"] : [];
  const [command = "", ...args] =
    binaries.installDb === undefined
      ? [binaries.server, "--no-defaults", "--initialize-insecure", ...user, `--datadir=${data}`, tmpdir]
      : [
          ...[
            binaries.installDb,
            "--no-defaults",
            "--auth-root-authentication-method=socket",
            "--skip-test-db",
          ],
          ...[...user, `--datadir=${data}`, tmpdir, "--innodb-log-file-size=16M"],
        ];
  const made = await execa(command, args, { reject: false, all: true });
  if (made.exitCode !== 0) {
    const lines = (made.all ?? "").trim().split("\n");
    const errors = lines.filter((line) => /error/i.test(line));
    const why = (errors.length === 0 ? lines : errors).slice(0, 5).join("\n");
    throw new Error(`${command} could not make a data directory:\n${why}`);
  }
  // MySQL's name of a server: each copy makes one of its own.
  await rm(join(data, "auto.cnf"), { force: true });
}

/**
 * Copies a data directory. Most of a new one are zeros: its copy has holes there, which take neither time nor space.
 * @param to path of the copy, which does not exist
 */
export async function copyDataDirectory(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  const entries = await readdir(from, { withFileTypes: true });
  const copies = entries.map((entry) => {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    return entry.isDirectory() ? copyDataDirectory(source, target) : copyWithHoles(source, target);
  });
  await Promise.all(copies);
}

async function copyWithHoles(from: string, to: string): Promise<void> {
  const { size } = await stat(from);
  if (size <= ZEROS.length) return copyFile(from, to);
  const source = await open(from);
  const target = await open(to, "wx", 0o600);
  try {
    await target.truncate(size);
    const buffer = Buffer.allocUnsafe(ZEROS.length);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await source.read(buffer, 0, buffer.length, at);
      const isHole = buffer.compare(ZEROS, 0, bytesRead, 0, bytesRead) === 0;
      if (!isHole) await target.write(buffer, 0, bytesRead, at);
      at += bytesRead;
    }
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

const ZEROS = Buffer.alloc(64 * 1024);

export function asRoot(): boolean {
  return userInfo().uid === 0;
}
