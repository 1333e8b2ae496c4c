import type { RequestOptions } from "node:https";
import { createSecureContext } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import { type KubeConfig, RequestContext } from "@kubernetes/client-node";
import { Agent, type Dispatcher } from "undici";
import type { Logger } from "../log.ts";
import { createOutage } from "../util/outage.ts";
import { describe } from "./errors.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import { SLOTS } from "./limiter.ts";

/** Stands for the server of the kubeconfig, which may be another one by the time that a request is sent. */
export const SERVER = "http://cluster.invalid";

/**
 * Where a cluster is, whom it may be taken for and who asks, by a kubeconfig and the files that it names. All of them are read
 * again and again: certificates and tokens are replaced while the service runs.
 */
export interface Credentials {
  /** The context's name. */
  readonly context: string;
  /** To be called right before a request is sent. @throws when they cannot be had, and never could before */
  apply(request: RequestContext): Promise<void>;
  /** A request failed: they are read again before the next one. `isRefused`: what commands and files gave is not taken any more. */
  doubt(isRefused: boolean): void;
  close(): Promise<void>;
}

/** Credentials are read again after this time (ms) at the latest, */
const READ_EVERY_MS = 5_000;
/** and when requests fail, at most once in this time (ms). */
const READ_AGAIN_MS = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;

interface Reading {
  server: string;
  headers: Record<string, string>;
  tls: Record<string, unknown>;
  pool: Dispatcher;
}

/** @throws Error when the context or its cluster does not exist. Sends no request. */
export function createCredentials(context?: string, file?: string, logger?: Logger): Credentials {
  let config = readKubeconfig(context, file);
  const name = context ?? config.getCurrentContext();
  const outage =
    logger === undefined
      ? undefined
      : createOutage(
          logger,
          { begins: "kubeconfig cannot be read again", ends: "kubeconfig is read again" },
          { cluster: name },
        );
  const retired = new Set<Dispatcher>();
  let last: Reading | undefined;
  let reading: Promise<Reading> | undefined;
  let readMs = 0;
  let isDoubted = false;
  let isRefused = false;

  async function current(): Promise<Reading> {
    const ageMs = Date.now() - readMs;
    if (last !== undefined && ageMs < (isDoubted ? READ_AGAIN_MS : READ_EVERY_MS)) return last;
    reading ??= again().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  async function again(): Promise<Reading> {
    const wasRefused = isRefused;
    isDoubted = isRefused = false;
    readMs = Date.now();
    try {
      const found = readKubeconfig(context ?? name, file);
      // What it holds of commands and files is kept while it is the same, and taken.
      if (wasRefused || !isDeepStrictEqual(told(found), told(config))) config = found;
      last = await read(config, last);
      outage?.end();
    } catch (error) {
      if (last === undefined) throw error;
      // It may be half written: what was good until now is better than nothing.
      outage?.begin({ reason: describe(error) });
    }
    return last;
  }

  async function read(from: KubeConfig, before: Reading | undefined): Promise<Reading> {
    const server = from.getCurrentCluster()?.server ?? "";
    const request = new RequestContext(SERVER, "GET");
    const tls = await asking(from, async () => {
      await from.applySecurityAuthentication(request);
      return tlsOf(from);
    });
    // A token that was read from a file ends with its line.
    const headers = Object.fromEntries(
      Object.entries(request.getHeaders()).map(([header, value]) => [header, value.trim()]),
    );
    if (before !== undefined && before.server === server && isDeepStrictEqual(before.tls, tls)) {
      return { ...before, headers };
    }
    // A certificate and its key are replaced one after the other: half of them would fail each connection.
    createSecureContext(tls);
    if (before !== undefined) retire(before.pool);
    // A proxy's dispatcher is taken as the client made it.
    const proxied = tls.proxyUrl === undefined ? undefined : request.getDispatcher();
    return { server, headers, tls, pool: proxied ?? createPool(tls) };
  }

  /** What it has under way comes to its end. */
  function retire(pool: Dispatcher): void {
    retired.add(pool);
    void pool
      .close()
      .catch(() => undefined)
      .finally(() => retired.delete(pool));
  }

  return {
    context: name,
    async apply(request) {
      const { server, headers, pool } = await current();
      request.setUrl(`${server}${request.getUrl().slice(SERVER.length)}`);
      for (const [header, value] of Object.entries(headers)) request.setHeaderParam(header, value);
      request.setDispatcher(pool);
    },
    doubt(refused) {
      isDoubted = true;
      isRefused ||= refused;
    },
    async close() {
      // A command that hangs does not hold up the end: its pool is destroyed once it is there.
      reading?.then(
        ({ pool }) => pool.destroy(),
        () => undefined,
      );
      const pools = last === undefined ? [...retired] : [last.pool, ...retired];
      await Promise.all(pools.map((pool) => pool.destroy()));
    },
  };
}

/** What a command prints, and why that is no JSON, is quoted in the client's errors: it is a token as a rule. */
async function asking<T>(config: KubeConfig, ask: () => Promise<T>): Promise<T> {
  const user = config.getCurrentUser();
  const { command } = user?.exec ?? user?.authProvider?.config?.exec ?? {};
  try {
    return await ask();
  } catch (error) {
    throw command === undefined
      ? error
      : new Error(`the kubeconfig's command ${command} gave no credentials`);
  }
}

/** All that a kubeconfig says of its current context. */
function told(config: KubeConfig): unknown {
  return [config.getCurrentCluster(), config.getCurrentUser()];
}

async function tlsOf(config: KubeConfig): Promise<Record<string, unknown>> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const proxyUrl = config.getCurrentCluster()?.proxyUrl;
  const all = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername, proxyUrl };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The client makes a new agent, and so a new connection, for every request that needs a CA; this one shares a pool. */
function createPool(tls: Record<string, unknown>): Dispatcher {
  return new Agent({
    // As many as there are slots: nothing that is sent waits for a connection.
    connections: SLOTS.requests + SLOTS.feeds,
    // One request a connection: a hung stream never takes others with it.
    allowH2: false,
    connect: { timeout: CONNECT_TIMEOUT_MS, keepAlive: true, ...tls },
  });
}
