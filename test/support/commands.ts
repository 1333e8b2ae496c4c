import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandLines } from "./processes.ts";
import { until } from "./until.ts";

/** A command of `src/local-stack` as a process of its own, in a temporary directory of its own. */
export interface Command {
  /** Resolves when it has ended; the code is null after a signal. */
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  signal(signal: NodeJS.Signals): void;
  /** The first line on stdout. */
  firstLine(): Promise<string>;
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
  const child = spawn(process.execPath, [join("src/local-stack", script), ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: directory, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: collect(child.stdout), stderr: collect(child.stderr) };
  const ended = once(child, "close").then(([code]: (number | null)[]) => ({
    code: code ?? null,
    stdout: output.stdout.text,
    stderr: output.stderr.text,
  }));
  const leftovers = async () => [...(await processesIn(directory)), ...(await readdir(directory))];
  return {
    ended,
    signal: (signal) => void child.kill(signal),
    firstLine: () => until("a first line", () => firstLine(child, output)),
    leftovers,
    async end() {
      child.kill("SIGKILL");
      await ended;
      await until("everything to be removed", async () => (await leftovers()).length === 0);
      await rm(directory, { recursive: true });
    },
  };
}

interface Collected {
  text: string;
}

function collect(stream: NodeJS.ReadableStream): Collected {
  const collected = { text: "" };
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    collected.text += chunk;
  });
  return collected;
}

function firstLine(
  child: ChildProcess,
  output: { stdout: Collected; stderr: Collected },
): string | undefined {
  const end = output.stdout.text.indexOf("\n");
  if (end >= 0) return output.stdout.text.slice(0, end);
  if (child.exitCode !== null) throw new Error(`it ended: ${output.stderr.text}`);
  return undefined;
}

async function processesIn(directory: string): Promise<string[]> {
  return [...(await commandLines()).values()].filter((line) => line.includes(directory));
}
