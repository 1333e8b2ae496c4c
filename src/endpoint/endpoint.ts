import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import {
  createEndpointHandler,
  type HooksProvider,
  type LoggerTransport,
  TerminalError,
} from "@restatedev/restate-sdk";
import type { DeployOptions } from "../deploy/job.ts";
import { createSentinelService } from "../deploy/service.ts";
import { TransientKubernetesError } from "../kubernetes/errors.ts";
import type { Logger } from "../log.ts";
import type { WorkMetrics } from "../metrics/work.ts";
import { createHistoryQueue, type HistoryQueueOptions } from "../rollout/history-queue.ts";
import type { RolloutOptions } from "../rollout/options.ts";
import { createRolloutService } from "../rollout/service.ts";
import { createSlackQueue, type SlackQueueOptions } from "../rollout/slack-queue.ts";
import { createDrain } from "./drain.ts";

export interface EndpointOptions
  extends RolloutOptions,
    DeployOptions,
    SlackQueueOptions,
    HistoryQueueOptions {
  store: RolloutOptions["store"] & DeployOptions["store"];
  clusters: DeployOptions["clusters"];
  metrics: WorkMetrics;
  history: RolloutOptions["history"] & HistoryQueueOptions["history"];
  actions: RolloutOptions["actions"] & HistoryQueueOptions["actions"];
  /** Present: requests that Restate did not sign are refused. */
  identityKeys: string[];
  /** Called for each attempt of a handler. */
  hooks: HooksProvider[];
  port: number;
}

export interface Endpoint {
  port: number;
  /** No attempt of a handler is under way in this process. */
  idle(): boolean;
  /** Takes no new work, lets steps that run finish for up to `graceMs`; the attempts then go back to Restate. */
  close(graceMs: number): Promise<void>;
}

/**
 * What Restate may send ahead on one stream, and on all of them together. HTTP/2's own 64 KB would have a large rollout's
 * state wait for the event loop's turn again and again, for Status and Cancel too.
 */
const STREAM_WINDOW_BYTES = 4 * 2 ** 20;
const SESSION_WINDOW_BYTES = 16 * 2 ** 20;

/** Serves all handlers to Restate over HTTP/2 without TLS. */
export async function startEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const drain = createDrain();
  const handler = createEndpointHandler({
    services: [
      createRolloutService(options),
      createSentinelService(options),
      createSlackQueue(options),
      createHistoryQueue(options),
    ],
    logger: sdkLogger(options.logger),
    defaultServiceOptions: { hooks: [...options.hooks, drain.hook] },
    ...(options.identityKeys.length === 0 ? {} : { identityKeys: options.identityKeys }),
  });
  const settings = { initialWindowSize: STREAM_WINDOW_BYTES };
  const server = createServer({ settings }, (request, response) => {
    if (drain.draining) response.writeHead(503).end();
    else handler(request, response);
  });
  const sessions = new Set<ServerHttp2Session>();
  let underWay = 0;
  server.on("stream", (stream) => {
    underWay++;
    stream.once("close", () => underWay--);
  });
  server.on("session", (session) => {
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.listen(options.port);
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    idle: () => underWay === 0,
    close: async (graceMs) => {
      // No GOAWAY before: Restate answers it by cutting the connection, and the steps that run would be run again.
      await drain.quiet(graceMs);
      const closed = once(server, "close");
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

/** The SDK's own lines among ours; what it says while it replays was said before. */
function sdkLogger(logger: Logger): LoggerTransport {
  return ({ level, replaying, context }, message, ...rest) => {
    if (replaying) return;
    const about =
      context === undefined ? {} : { invocationId: context.invocationId, target: context.invocationTarget };
    const text = [message, ...rest]
      .map((part) => (part instanceof Error ? part.message : String(part)))
      .join(" ");
    const usual = level === "info" || rest.some(isNoNews);
    logger[usual ? "debug" : level](about, text);
  };
}

/** Suspending, resuming and refusing a request is how it works; a cluster that is away is told once, by its health. */
function isNoNews(part: unknown): boolean {
  return part instanceof TerminalError || (part instanceof TransientKubernetesError && part.clusterWide);
}
