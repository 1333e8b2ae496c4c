import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { ClusterHealth } from "../kubernetes/health.ts";
import type { Primary } from "../mysql/primary.ts";
import { cached } from "../util/cached.ts";

export interface Check {
  name: string;
  ok: boolean;
  detail?: string;
}

export interface HealthOptions {
  /** 0: any free one. */
  port: number;
  /** What the service needs to do its work; each is named in the answer. */
  checks: () => Promise<Check[]>;
  /** In the Prometheus text format. */
  metrics: () => Promise<string>;
  metricsContentType: string;
}

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Plain HTTP/1.1 for probes and scrapes, on all interfaces: /healthz (the process answers), /readyz (200, or 503 with
 * what is missing), /metrics.
 */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    answer(request, options).then(
      (reply) => send(response, reply),
      () => send(response, json(500, { error: "internal error" })),
    );
  });
  server.listen(options.port);
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export function check(name: string, ok: boolean, detail: string): Check {
  return ok ? { name, ok } : { name, ok, detail };
}

/** A probe's own timeout is often 1 s: what is missing is named before. */
const DATABASE = { maxAgeMs: 1_000, patienceMs: 800, staleMs: 1_000 };

/** However often it is asked for, MySQL is looked at once at a time; a look that hangs is an answer too. */
export function databaseCheck(look: () => Promise<Primary>): () => Promise<Check> {
  const looks = cached(look, DATABASE);
  return async () => {
    const primary = (await looks()) ?? "no answer";
    return check("mysql", primary === "writable", primary);
  };
}

/** Each cluster's watch. A cluster that is away does not take the service from the sentinels of the others. */
export function clusterChecks(
  watches: { cluster: string; synced: boolean }[],
  clusters: ClusterHealth[],
): Check[] {
  const away = new Set(clusters.filter(({ reachable }) => !reachable).map(({ cluster }) => cluster));
  const someSynced = watches.some(({ synced }) => synced);
  return watches.map(({ cluster, synced }) => {
    const name = `kubernetes ${cluster}`;
    if (synced || !away.has(cluster)) return check(name, synced, "the watch is not in sync");
    return { name, ok: someSynced, detail: "the cluster is unreachable" };
  });
}

interface Reply {
  status: number;
  type: string;
  body: string;
}

async function answer(request: IncomingMessage, options: HealthOptions): Promise<Reply> {
  if (request.method !== "GET" && request.method !== "HEAD") return json(405, { error: "only GET" });
  const [path] = (request.url ?? "").split("?");
  if (path === "/healthz") return json(200, { status: "ok" });
  if (path === "/readyz") return readiness(await options.checks());
  if (path === "/metrics") {
    return { status: 200, type: options.metricsContentType, body: await options.metrics() };
  }
  return json(404, { error: "there are /healthz, /readyz and /metrics" });
}

function readiness(checks: Check[]): Reply {
  const missing = checks.filter(({ ok }) => !ok).map(({ name }) => name);
  return missing.length === 0
    ? json(200, { status: "ready", checks })
    : json(503, { status: "not ready", missing, checks });
}

function json(status: number, body: object): Reply {
  return { status, type: "application/json", body: `${JSON.stringify(body)}\n` };
}

/** Node leaves out the body of an answer to HEAD by itself. */
function send(response: ServerResponse, { status, type, body }: Reply): void {
  response.writeHead(status, { "content-type": type, ...(status === 405 ? { allow: "GET, HEAD" } : {}) });
  response.end(body);
}
