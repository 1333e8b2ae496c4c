import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, type ResultPromise } from "execa";
import { until } from "./until.ts";

/** A command of `src/dry-run` as a process of its own, in a temporary directory of its own. */
export interface Command {
  process: ResultPromise<{ reject: false }>;
  pid: number;
  /** What it leaves behind: processes that work in its directory, and files in it. */
  leftovers(): Promise<string[]>;
  /** Kills it and waits until nothing is left. */
  end(): Promise<void>;
}

/** @param env variables of the service and of the command; nothing of this shell's reaches it but what it needs to run */
export async function startCommand(
  script: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Command> {
  const directory = await mkdtemp(join(tmpdir(), "command-test-"));
  const child = execa(process.execPath, [join("src/dry-run", script), ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: directory, ...env },
    extendEnv: false,
    reject: false,
    stdin: "ignore",
  });
  const leftovers = async () => [...(await processesIn(directory)), ...(await readdir(directory))];
  return {
    process: child,
    pid: child.pid ?? 0,
    leftovers,
    async end() {
      child.kill("SIGKILL");
      await child;
      await until("everything to be removed", async () => (await leftovers()).length === 0);
      await rm(directory, { recursive: true });
    },
  };
}

/** Command lines that name the directory; a dead process that nobody has collected yet has none. */
async function processesIn(directory: string): Promise<string[]> {
  const { stdout } = await execa("ps", ["-e", "-ww", "-o", "args="]);
  return stdout.split("\n").filter((args) => args.includes(directory));
}
