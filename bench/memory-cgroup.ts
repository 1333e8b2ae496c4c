import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = "/sys/fs/cgroup";
/** Version 1 has a tree for each controller. */
const V1 = existsSync(join(ROOT, "memory", "memory.limit_in_bytes"));
const HOME = V1 ? join(ROOT, "memory") : ROOT;
const FILES = V1
  ? { limit: "memory.limit_in_bytes", events: "memory.oom_control" }
  : { limit: "memory.max", events: "memory.events" };

/** Where a process has no more memory than a container with such a limit. */
export interface MemoryCgroup {
  /** A command that runs what follows it in there, from its first page on. */
  command: string[];
  /** How many processes were killed because there was no more memory. */
  kills(): number;
  /** Once nothing runs in there any more. */
  remove(): void;
}

/** @throws Error unless run by root on Linux with the controller for memory */
export function createMemoryCgroup(limitMib: number): MemoryCgroup {
  const path = join(HOME, `sentinel-rollout-bench-${process.pid}`);
  mkdirSync(path);
  try {
    writeFileSync(join(path, FILES.limit), String(limitMib * 2 ** 20));
  } catch (error) {
    rmdirSync(path);
    throw error;
  }
  return {
    command: ["sh", "-c", 'echo $$ > "$0" && exec "$@"', join(path, "cgroup.procs")],
    kills: () =>
      Number(readFileSync(join(path, FILES.events), "utf8").match(/^oom_kill (\d+)$/m)?.[1] ?? Number.NaN),
    remove: () => rmdirSync(path),
  };
}
