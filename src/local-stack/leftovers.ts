import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/**
 * What the embedded stack must not leave behind. Everything it makes is announced here first, so that a reaper
 * process (`reaper.ts`) can remove it when this process is gone without having cleaned up: kill -9, a crash, a
 * closed terminal.
 */
export type Leftover =
  /** A process that leads its own process group. */
  | { kind: "process"; pid: number }
  | { kind: "path"; path: string }
  | { kind: "database"; server: string; name: string }
  | { kind: "namespace"; kubeconfig: string; context: string; name: string };

/** Processes first: nothing may write into a directory that is being removed. */
export const REMOVAL_ORDER: Leftover["kind"][] = ["process", "namespace", "database", "path"];

const announced = new Set<Leftover>();
let reaper: ChildProcess | undefined;

/** Hands `leftover` to the reaper. The result takes it back; call it once it is really gone. */
export function announce(leftover: Leftover): () => void {
  if (announced.size === 0) reaper = startReaper();
  const owner = reaper;
  announced.add(leftover);
  tell(owner, { add: leftover });
  return () => {
    if (!announced.delete(leftover)) return;
    tell(owner, { remove: leftover });
    if (announced.size === 0) owner?.stdin?.end();
  };
}

/** Makes an announced directory that only this user can read. `remove` deletes it. */
export async function temporaryDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "sentinel-rollout-"));
  const gone = announce({ kind: "path", path });
  return {
    path,
    async remove() {
      await removeLeftover({ kind: "path", path });
      gone();
    },
  };
}

/** Removes one thing for good; what is gone already is no error. */
export async function removeLeftover(leftover: Leftover): Promise<void> {
  switch (leftover.kind) {
    case "process":
      return killGroup(leftover.pid);
    case "path":
      return rm(leftover.path, { recursive: true, force: true, maxRetries: 5 });
    // Loaded when needed: the reaper of a stack without them stays small.
    case "database":
      return (await import("./mysql-database.ts")).dropDatabase(leftover.server, leftover.name);
    case "namespace":
      return (await import("./namespace.ts")).removeNamespace(leftover);
  }
}

async function killGroup(pid: number): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (signalGroup(pid, "SIGKILL") && Date.now() < deadline) await delay(20);
}

/** False when no process of the group is left. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

function startReaper(): ChildProcess {
  // A session of its own: Ctrl-C in the terminal must not reach it before this process has cleaned up.
  const child = spawn(process.execPath, [fileURLToPath(new URL("reaper.ts", import.meta.url))], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  child.unref();
  return child;
}

function tell(owner: ChildProcess | undefined, message: { add: Leftover } | { remove: Leftover }): void {
  owner?.stdin?.write(`${JSON.stringify(message)}\n`);
}
