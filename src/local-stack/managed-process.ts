import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { announce, signalGroup } from "./leftovers.ts";

export interface ProcessOptions {
  /** Names the process in errors. */
  name: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Receives stdout and stderr; appended to, over restarts too. */
  logFile: string;
  /** Polled until it resolves to true; a rejection counts as "not yet". */
  ready(): Promise<boolean>;
  readyTimeoutMs: number;
  /** How long a SIGTERM may take before it becomes a SIGKILL. */
  stopTimeoutMs: number;
}

/** A child process that can be stopped, killed and started again. */
export interface ManagedProcess {
  readonly pid: number | undefined;
  readonly logFile: string;
  /**
   * Resolves when it is ready. Rejects with the end of its log when it exits first or takes too long.
   * @param env this time, before those that it was made with
   */
  start(env?: NodeJS.ProcessEnv): Promise<void>;
  /** SIGTERM, then SIGKILL. Resolves to its exit code (null after a signal) once it is gone. */
  stop(): Promise<number | null>;
  /** Sends a signal to the process; with SIGKILL resolves once it is gone. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** Resolves when the process that runs now has exited. */
  exited(): Promise<void>;
}

export function managedProcess(options: ProcessOptions): ManagedProcess {
  let running: Running | undefined;
  return {
    get pid() {
      return running?.pid;
    },
    logFile: options.logFile,
    async start(env = {}) {
      if (running !== undefined) throw new Error(`${options.name} is running already`);
      const started = await launch({ ...options, env: { ...options.env, ...env } });
      running = started;
      void started.exit.then(() => {
        if (running === started) running = undefined;
      });
      try {
        await untilReady(options, started);
      } catch (error) {
        signalGroup(started.pid, "SIGKILL");
        await started.exit;
        throw error;
      }
    },
    async stop() {
      const stopping = running;
      if (stopping === undefined) return null;
      signalGroup(stopping.pid, "SIGTERM");
      // A process that is stopped (SIGSTOP) handles no SIGTERM before it goes on.
      signalGroup(stopping.pid, "SIGCONT");
      const killer = setTimeout(() => signalGroup(stopping.pid, "SIGKILL"), options.stopTimeoutMs);
      const code = await stopping.exit;
      clearTimeout(killer);
      signalGroup(stopping.pid, "SIGKILL");
      return code;
    },
    async signal(signal) {
      const target = running;
      if (target === undefined) throw new Error(`${options.name} is not running`);
      signalGroup(target.pid, signal);
      if (signal === "SIGKILL") await target.exit;
    },
    async exited() {
      await running?.exit;
    },
  };
}

interface Running {
  pid: number;
  exit: Promise<number | null>;
  hasExited(): boolean;
  logStart: number;
}

async function launch(options: ProcessOptions): Promise<Running> {
  const log = openSync(options.logFile, "a", 0o600);
  const logStart = statSync(options.logFile).size;
  let child: ChildProcess;
  try {
    // A process group of its own: Ctrl-C in the terminal reaches this process alone, which stops the parts in order.
    child = spawn(options.command, options.args, {
      env: options.env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      detached: true,
      stdio: ["ignore", log, log],
    });
  } finally {
    closeSync(log);
  }
  try {
    await once(child, "spawn");
  } catch (error) {
    throw new Error(`cannot start ${options.name} (${options.command}): ${(error as Error).message}`);
  }
  const pid = child.pid as number;
  const gone = announce({ kind: "process", pid });
  let exited = false;
  const exit = once(child, "exit").then(([code]: (number | null)[]) => {
    exited = true;
    gone();
    return code ?? null;
  });
  return { pid, exit, hasExited: () => exited, logStart };
}

async function untilReady(options: ProcessOptions, started: Running): Promise<void> {
  const deadline = Date.now() + options.readyTimeoutMs;
  while (!(await options.ready().catch(() => false))) {
    if (started.hasExited()) {
      throw new Error(`${options.name} exited while starting${endOfLog(options.logFile, started.logStart)}`);
    }
    if (Date.now() > deadline) {
      const seconds = Math.round(options.readyTimeoutMs / 1000);
      throw new Error(
        `${options.name} was not ready after ${seconds} s${endOfLog(options.logFile, started.logStart)}`,
      );
    }
    await delay(25);
  }
}

function endOfLog(file: string, from: number): string {
  const lines = readFileSync(file).subarray(from).toString("utf8").trim().split("\n").slice(-15);
  return lines.join("") === "" ? "" : `; the end of its log:\n${lines.join("\n")}`;
}
