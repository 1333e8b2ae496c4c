import type { RequestOptions } from "node:https";
import {
  AppsV1Api,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  type RequestContext,
  ServerConfiguration,
} from "@kubernetes/client-node";
import { Agent, type Dispatcher } from "undici";

/** Enough for a busy rollout, few enough for the API server. The watch holds one of them. */
const CONNECTIONS = 16;
const CONNECT_TIMEOUT_MS = 5_000;
/** The client itself waits for ever. */
const REQUEST_TIMEOUT_MS = 10_000;

/** One context of a kubeconfig with its own connection pool, shared by everything that talks to this cluster. */
export interface ClusterConnection {
  name: string;
  apps: AppsV1Api;
  core: CoreV1Api;
  /** For watches, which the typed API does not offer. Its requests use the same pool. */
  config: KubeConfig;
  close(): Promise<void>;
}

/** @throws Error when the context or its cluster does not exist. Sends no request. */
export function connect(context?: string, kubeconfigFile?: string): ClusterConnection {
  const config = new PooledKubeConfig();
  if (kubeconfigFile === undefined) config.loadFromDefault(undefined, true);
  else config.loadFromFile(kubeconfigFile);
  // Only ever set once: an API object made before a switch would send the new token to the old server.
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new Error(`the kubeconfig has no usable context ${context ?? config.getCurrentContext() ?? ""}`);
  }
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(cluster.server, {}),
    authMethods: { default: config },
    promiseMiddleware: [
      {
        pre: async (request) => {
          request.setSignal(AbortSignal.timeout(REQUEST_TIMEOUT_MS));
          return request;
        },
        post: async (response) => response,
      },
    ],
  });
  return {
    name: context ?? config.getCurrentContext(),
    apps: new AppsV1Api(configuration),
    core: new CoreV1Api(configuration),
    config,
    close: () => config.close(),
  };
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
      connections: CONNECTIONS,
      // One request a connection: a hung stream never takes others with it.
      allowH2: false,
      connect: { timeout: CONNECT_TIMEOUT_MS, keepAlive: true, ...given },
    });
  }
}
