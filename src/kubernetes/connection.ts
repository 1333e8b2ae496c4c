import {
  AppsV1Api,
  CoreV1Api,
  createConfiguration,
  ResponseContext,
  SelfDecodingBody,
  ServerConfiguration,
  wrapHttpLibrary,
} from "@kubernetes/client-node";
import type { Logger } from "../log.ts";
import { createCredentials, SERVER } from "./credentials.ts";
import { createHealth, type HealthTracker } from "./health.ts";
import { createLimiter } from "./limiter.ts";
import type { KubernetesMetrics } from "./metrics.ts";
import { type ApiAnswer, createTransport, type Send } from "./transport.ts";

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
  const credentials = createCredentials(context, kubeconfigFile, logger);
  const name = credentials.context;
  const health = createHealth(name, logger);
  const limiter = createLimiter(name, (pauseMs) =>
    logger?.warn({ cluster: name, pauseMs }, "kubernetes cluster asks to be left alone"),
  );
  const send = createTransport({ limiter, health, credentials, metrics });
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(SERVER, {}),
    httpApi: wrapHttpLibrary({
      send: (request) =>
        send(request, {
          traffic: "requests",
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
    health,
    metrics,
    close: () => {
      limiter.close();
      return credentials.close();
    },
  };
}

async function wholeAnswer({ status, headers, bytes }: ApiAnswer): Promise<ResponseContext> {
  const body = Buffer.from(await bytes());
  return new ResponseContext(status, headers, new SelfDecodingBody(Promise.resolve(body)));
}
