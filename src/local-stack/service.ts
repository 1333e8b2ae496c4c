import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ManagedProcess, managedProcess } from "./managed-process.ts";
import { withoutServiceVariables } from "./service-env.ts";

/** The service as its own process. */
export interface ServiceProcess {
  /** Where Restate reaches its handlers (HTTP/2 cleartext). */
  endpoint: string;
  /** `/healthz`, `/readyz`, `/metrics`. */
  health: string;
  /** For kill -9, SIGSTOP, stop and start again; it keeps its ports. */
  process: ManagedProcess;
  logFile: string;
  /** What it logged so far, over restarts too. Lines that are no JSON appear as `{ msg }`. */
  logs(): LogLine[];
}

export interface LogLine {
  msg: string;
  level?: number;
  time?: string;
  [field: string]: unknown;
}

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

/** What `npm start` gives to Node: the one place where they are set. */
function nodeOptions(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  return String(scripts.start)
    .split(" ")
    .filter((word) => word.startsWith("--"));
}

/**
 * Starts `dist/main.js` as `npm start` does, and waits until it calls itself ready.
 * @param env its whole configuration, PORT and HEALTH_PORT included
 * @param through a command that runs the command line after it
 */
export async function startService(
  env: Record<string, string>,
  logFile: string,
  through: string[] = [],
): Promise<ServiceProcess> {
  const main = join(PROJECT, "dist", "main.js");
  if (!existsSync(main)) throw new Error("dist/main.js does not exist: run npm run build first");
  const health = `http://127.0.0.1:${env.HEALTH_PORT}`;
  const [command = process.execPath, ...args] = [...through, process.execPath, ...nodeOptions(), main];
  const service = managedProcess({
    name: "the service",
    command,
    args,
    env: { ...withoutServiceVariables(process.env), ...env },
    cwd: PROJECT,
    logFile,
    ready: () => isReady(health),
    readyTimeoutMs: 60_000,
    stopTimeoutMs: 30_000,
  });
  await service.start();
  return {
    endpoint: `http://127.0.0.1:${env.PORT}`,
    health,
    process: service,
    logFile,
    logs: () => parseLog(readFileSync(logFile, "utf8")),
  };
}

async function isReady(health: string): Promise<boolean> {
  const response = await fetch(`${health}/readyz`, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}

function parseLog(text: string): LogLine[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
}

function parseLine(line: string): LogLine {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === "object" && parsed !== null && "msg" in parsed) return parsed as LogLine;
  } catch {
    // Not every line is ours: a crash prints plain text.
  }
  return { msg: line };
}
