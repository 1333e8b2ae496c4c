import { ConfigError } from "../config.ts";
import { reasonOf } from "../util/reason.ts";
import { UsageError } from "./options.ts";

/** Longest wait for an orderly end; the reaper removes what is left then. */
const STOP_TIMEOUT_MS = 150_000;
const PARENT_CHECK_MS = 500;

/**
 * Runs a command to its end and exits with its code. Signals abort `signal`, so that the command can take everything
 * down; a second one exits at once.
 */
export function runCommand(command: (signal: AbortSignal) => Promise<number>): void {
  const abort = new AbortController();
  const stop = (reason: unknown) => {
    if (abort.signal.aborted) process.exit(1);
    abort.abort(reason);
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(name, () => stop(new Stopped(name)));
  process.on("uncaughtException", stop);
  stopWithNpm(stop);
  void command(abort.signal)
    .catch((error: unknown) => report(abort.signal.aborted ? abort.signal.reason : error))
    .then((code) => process.exit(code));
}

/** The reason of an abort that somebody asked for. */
export class Stopped extends Error {
  readonly code: number;
  constructor(signal: "SIGINT" | "SIGTERM" | "SIGHUP") {
    super(`stopped by ${signal}`);
    this.code = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }[signal];
  }
}

/** Rejects with its reason as soon as `signal` is aborted. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function report(error: unknown): number {
  if (error instanceof Stopped) {
    process.stderr.write(`${error.message}\n`);
    return error.code;
  }
  const expected = error instanceof UsageError || error instanceof ConfigError;
  process.stderr.write(`${reasonOf(error, String(error))}\n`);
  return expected ? 2 : 1;
}

/** npm that is killed does not always tell its script: without it this command has no reason to stay. */
function stopWithNpm(stop: (reason: unknown) => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop(new Stopped("SIGTERM"));
  }, PARENT_CHECK_MS);
  timer.unref();
}
