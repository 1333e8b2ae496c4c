import type { RequestOptions } from "node:https";
import {
  AppsV1Api,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  type RequestContext,
  ResponseContext,
  SelfDecodingBody,
  ServerConfiguration,
  wrapHttpLibrary,
} from "@kubernetes/client-node";
import { Agent, type Dispatcher } from "undici";
import type { Logger } from "../log.ts";
import { createHealth, type HealthTracker } from "./health.ts";
import { createLimiter, PLACES } from "./limiter.ts";
import type { KubernetesMetrics } from "./metrics.ts";
import { type Answer, createTransport, type Send } from "./transport.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** The client itself waits for ever. */
export const REQUEST_TIMEOUT_MS = 10_000;

export interface ClusterObservers {
  /** Told when a cluster is lost, is back, and asks to be left alone. */
  logger?: Logger;
  metrics?: KubernetesMetrics;
}

/** One context of a kubeconfig with its own connection pool, shared by everything that talks to this cluster. */
export interface ClusterConnection {
  name: string;
  apps: AppsV1Api;
  core: CoreV1Api;
  /** For what the typed API does not offer, by the same way. */
  send: Send;
  config: KubeConfig;
  health: HealthTracker;
  metrics?: KubernetesMetrics | undefined;
  close(): Promise<void>;
}

/** @throws Error when the context or its cluster does not exist. Sends no request. */
export function connect(
  context?: string,
  kubeconfigFile?: string,
  { logger, metrics }: ClusterObservers = {},
): ClusterConnection {
  const config = new PooledKubeConfig();
  if (kubeconfigFile === undefined) config.loadFromDefault(undefined, true);
  else config.loadFromFile(kubeconfigFile);
  // Only ever set once: an API object made before a switch would send the new token to the old server.
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new Error(`the kubeconfig has no usable context ${context ?? config.getCurrentContext() ?? ""}`);
  }
  const name = context ?? config.getCurrentContext();
  const health = createHealth(name, logger);
  const limiter = createLimiter(name, (pauseMs) =>
    logger?.warn({ cluster: name, pauseMs }, "kubernetes cluster asks to be left alone"),
  );
  const send = createTransport({ limiter, health, metrics });
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(cluster.server, {}),
    authMethods: { default: config },
    httpApi: wrapHttpLibrary({
      send: (request) =>
        send(request, {
          lane: "requests",
          timeoutMs: REQUEST_TIMEOUT_MS,
          signal: request.getSignal(),
          read: wholeAnswer,
        }),
    }),
  });
  return {
    name,
    apps: new AppsV1Api(configuration),
    core: new CoreV1Api(configuration),
    send,
    config,
    health,
    metrics,
    close: () => {
      limiter.close();
      return config.close();
    },
  };
}

async function wholeAnswer({ status, headers, bytes }: Answer): Promise<ResponseContext> {
  const body = Buffer.from(await bytes());
  return new ResponseContext(status, headers, new SelfDecodingBody(Promise.resolve(body)));
}

/** The client makes a new agent, and so a new connection, for every request that needs a CA; this one shares a pool. */
class PooledKubeConfig extends KubeConfig {
  private pool: Promise<Dispatcher> | undefined;

  override async applySecurityAuthentication(request: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(request);
    // A proxy's dispatcher is taken as the client made it.
    const proxied = this.getCurrentCluster()?.proxyUrl === undefined ? undefined : request.getDispatcher();
    this.pool ??= proxied === undefined ? this.createPool() : Promise.resolve(proxied);
    try {
      request.setDispatcher(await this.pool);
    } catch (error) {
      this.pool = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    const pool = await this.pool?.catch(() => undefined);
    await pool?.destroy();
  }

  private async createPool(): Promise<Dispatcher> {
    const options: RequestOptions = {};
    await this.applyToHTTPSOptions(options);
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
    const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
    const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
    return new Agent({
      // As many as there are places: nothing that is sent waits for a connection.
      connections: PLACES.requests + PLACES.feeds,
      // One request a connection: a hung stream never takes others with it.
      allowH2: false,
      connect: { timeout: CONNECT_TIMEOUT_MS, keepAlive: true, ...given },
    });
  }
}
