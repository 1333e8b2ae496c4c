import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request as plainRequest, type ServerResponse } from "node:http";
import { type RequestOptions, request as tlsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";

/** What befalls a request on its way to the API server. */
export type Mishap =
  | { answer: number; body?: string; headers?: Record<string, string> }
  /** Taken, and never answered. */
  | "hang"
  /** The connection is reset. */
  | "reset"
  /** Another path and query is asked for instead. */
  | { instead: string };

/** A change that was asked of the API server, and what it answered; no status: it never did. */
export interface Exchange {
  method: string;
  url: string;
  body: string;
  /** When it was asked (unix ms). */
  atMs: number;
  status?: number;
}

export interface ApiProxy {
  /** `http://127.0.0.1:<port>` */
  url: string;
  kubeconfigFile: string;
  /** Requests that came, as "METHOD path?query". */
  requests: string[];
  /** Connections that were opened, and the most that were open at a time. */
  connections: number;
  mostConnections: number;
  /** Decides on each request; undefined: it goes through. */
  mishap: (request: { method: string; url: string }) => Mishap | undefined;
  /** Every PATCH that reached the API server, in the order in which they were asked. */
  patches: Exchange[];
  /** Requests that are under way, as in `requests`. */
  underWay(): string[];
  /** Cuts every connection there is. */
  cut(): void;
  close(): Promise<void>;
}

/** Stands between the client and a real API server, to do to its connections what networks do. */
export async function startApiProxy(upstreamKubeconfig: string, file: string): Promise<ApiProxy> {
  const upstream = new KubeConfig();
  upstream.loadFromFile(upstreamKubeconfig);
  const cluster = upstream.getCurrentCluster();
  if (cluster === null) throw new Error("the upstream kubeconfig has no current cluster");
  const options: RequestOptions = {};
  await upstream.applyToHTTPSOptions(options);
  const underWay = new Map<ServerResponse, string>();
  let open = 0;
  const server = createServer((request, response) => {
    const { method = "GET", url = "/" } = request;
    underWay.set(response, `${method} ${url}`);
    response.on("close", () => underWay.delete(response));
    proxy.requests.push(`${method} ${url}`);
    const mishap = proxy.mishap({ method, url });
    if (mishap === undefined) {
      const told = method === "PATCH" ? record(request, url) : undefined;
      return forward(new URL(cluster.server + url), options, request, response, told);
    }
    if (typeof mishap === "object" && "instead" in mishap) {
      return forward(new URL(cluster.server + mishap.instead), options, request, response);
    }
    if (mishap === "hang") return;
    if (mishap === "reset") return request.socket.resetAndDestroy();
    response.writeHead(mishap.answer, { "content-type": "application/json", ...mishap.headers });
    response.end(mishap.body ?? "");
  });
  const record = (request: IncomingMessage, url: string) => {
    const exchange: Exchange = { method: "PATCH", url, body: "", atMs: Date.now() };
    proxy.patches.push(exchange);
    request.on("data", (chunk) => {
      exchange.body += chunk;
    });
    return (status: number) => {
      exchange.status = status;
    };
  };
  server.on("connection", (socket) => {
    proxy.connections++;
    proxy.mostConnections = Math.max(proxy.mostConnections, ++open);
    socket.on("close", () => open--);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const through = new KubeConfig();
  through.loadFromClusterAndUser({ name: "through", server: url, skipTLSVerify: true }, { name: "tester" });
  await writeFile(file, through.exportConfig());
  const proxy: ApiProxy = {
    url,
    kubeconfigFile: file,
    requests: [],
    patches: [],
    connections: 0,
    mostConnections: 0,
    mishap: () => undefined,
    underWay: () => [...underWay.values()],
    cut: () => server.closeAllConnections(),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return proxy;
}

function forward(
  url: URL,
  options: RequestOptions,
  request: IncomingMessage,
  response: ServerResponse,
  told: (status: number) => void = () => undefined,
): void {
  const { host: _, ...headers } = request.headers;
  const send = url.protocol === "https:" ? tlsRequest : plainRequest;
  const { agent: __, ...tls } = options;
  const upstream = send(url, {
    ...tls,
    method: request.method ?? "GET",
    headers: { ...headers, ...tls.headers },
  });
  upstream.on("response", (answer) => {
    told(answer.statusCode ?? 502);
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  upstream.on("error", () => response.destroy());
  response.on("close", () => upstream.destroy());
  request.pipe(upstream);
}
