import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "./leftovers.ts";
import { type ManagedProcess, managedProcess } from "./managed-process.ts";
import { freePort } from "./ports.ts";
import { withoutServiceVariables } from "./service-env.ts";

export interface RestateOptions {
  ingressPort?: number;
  adminPort?: number;
  /** Like "0s": how long an invocation may wait before it is suspended. Default: Restate's own, a minute. */
  inactivityTimeout?: string;
  /** More of the server's own settings (`RESTATE_…`). */
  env?: Record<string, string>;
}

export interface RestateServer {
  /** The ingress: where handlers are called. */
  ingress: string;
  /** The admin API, with the web UI under `/ui/`. */
  admin: string;
  /** For kill -9 and start again: it comes back with its data, on the same ports. */
  process: ManagedProcess;
  /** Makes a service known. @throws Error with Restate's own message */
  register(serviceUrl: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a real restate-server with a data directory of its own. */
export async function startRestate(options: RestateOptions = {}): Promise<RestateServer> {
  const command = binary();
  const ports = {
    ingress: options.ingressPort ?? (await freePort()),
    admin: options.adminPort ?? (await freePort()),
    node: await freePort(),
  };
  const ingress = `http://127.0.0.1:${ports.ingress}`;
  const admin = `http://127.0.0.1:${ports.admin}`;
  const directory = await temporaryDirectory();
  const server = managedProcess({
    name: "restate-server",
    command,
    args: ["--no-logo", "--listen-mode", "tcp", "--base-dir", join(directory.path, "data")],
    env: {
      ...withoutServiceVariables(process.env),
      // It leaves a directory of its own in there.
      TMPDIR: directory.path,
      ...settings(ports, options.inactivityTimeout),
      ...options.env,
    },
    cwd: directory.path,
    logFile: join(directory.path, "restate.log"),
    ready: () => answers(ingress, admin),
    readyTimeoutMs: 60_000,
    stopTimeoutMs: 15_000,
  });
  try {
    await server.start();
  } catch (error) {
    await directory.remove();
    throw error;
  }
  return {
    ingress,
    admin,
    process: server,
    register: (serviceUrl) => register(admin, serviceUrl),
    async stop() {
      await server.stop();
      await directory.remove();
    },
  };
}

/** The package of this platform holds the program; npm installs it with `@restatedev/restate-server`. */
function binary(): string {
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}`;
  let path: string;
  try {
    path = join(dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`))), "bin", "restate-server");
  } catch {
    throw new Error(
      `there is no restate-server for ${process.platform}-${process.arch}: ${name} is not installed`,
    );
  }
  if (existsSync("/etc/alpine-release")) {
    throw new Error("restate-server needs glibc: use a distribution other than Alpine");
  }
  return path;
}

function settings(
  ports: { ingress: number; admin: number; node: number },
  inactivityTimeout: string | undefined,
): Record<string, string> {
  return {
    RESTATE_NODE_NAME: "embedded",
    RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ports.ingress}`,
    // What the web UI calls, from a browser.
    RESTATE_INGRESS__ADVERTISED_INGRESS_ENDPOINT: `http://localhost:${ports.ingress}/`,
    RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${ports.admin}`,
    RESTATE_BIND_ADDRESS: `127.0.0.1:${ports.node}`,
    RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${ports.node}/`,
    RESTATE_DEFAULT_NUM_PARTITIONS: "1",
    RESTATE_DISABLE_TELEMETRY: "true",
    RESTATE_LOG_FILTER: "error",
    RESTATE_LOG_DISABLE_ANSI_CODES: "true",
    ...(inactivityTimeout === undefined
      ? {}
      : { RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT: inactivityTimeout }),
  };
}

/** Its health checks turn green before it serves: only a query that touches the storage tells. */
async function answers(ingress: string, admin: string): Promise<boolean> {
  const signal = AbortSignal.timeout(2_000);
  const [health, query] = await Promise.all([
    fetch(`${ingress}/restate/health`, { signal }),
    fetch(`${admin}/query`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ query: "SELECT count(*) AS n FROM sys_invocation" }),
      signal,
    }),
  ]);
  await Promise.all([health.arrayBuffer(), query.arrayBuffer()]);
  return health.ok && query.ok;
}

async function register(admin: string, serviceUrl: string): Promise<void> {
  const response = await fetch(`${admin}/deployments`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ uri: serviceUrl }),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new Error(`Restate could not register ${serviceUrl}: ${await response.text()}`);
  await response.arrayBuffer();
}
