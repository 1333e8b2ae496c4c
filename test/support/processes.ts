import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { execa } from "execa";

/** The command lines of all running processes by pid. A dead one that nobody has collected yet has none. */
export async function commandLines(): Promise<Map<number, string>> {
  return existsSync("/proc/self/cmdline") ? fromProc() : fromPs();
}

export async function isAlive(pid: number): Promise<boolean> {
  return (await commandLines()).has(pid);
}

/** Small Linux machines have no `ps`. */
async function fromProc(): Promise<Map<number, string>> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return [Number(pid), line.replaceAll("\0", " ").trim()] as const;
    }),
  );
  return new Map(found.filter(([, line]) => line !== ""));
}

async function fromPs(): Promise<Map<number, string>> {
  const { stdout } = await execa("ps", ["-e", "-ww", "-o", "pid=,stat=,args="]);
  const rows = stdout.split("\n").map((row) => row.trim().split(/\s+/));
  const alive = rows.filter(([, stat = "Z"]) => !stat.startsWith("Z"));
  return new Map(alive.map(([pid, , ...args]) => [Number(pid), args.join(" ")]));
}
