import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { type Answer, Api, type Call, isTrue, json } from "./api.ts";
import { type ApiFault, type ApiFaults, PendingFaults } from "./api-faults.ts";
import type { Clock } from "./clock.ts";
import { discovery } from "./discovery.ts";
import { PoliciesInForce } from "./policies.ts";
import type { Verb } from "./resources.ts";
import { parseRoute, type Route } from "./routes.ts";
import { ApiError, methodNotAllowed, statusBody, unknownPath } from "./status.ts";
import type { Store } from "./store.ts";
import { Watch } from "./watch.ts";

/** HTTP in front of the API: routing, faults, watches, and a count of what was asked. */
export class ApiServer implements ApiFaults {
  /** How often each verb was asked for: `patch deployments` → 42. */
  readonly requests = new Map<string, number>();
  readonly policies = new PoliciesInForce();
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #token: string | undefined;
  readonly #api: Api;
  readonly #server: Server;
  readonly #faults = new PendingFaults();
  readonly #hanging = new Set<ServerResponse>();
  readonly #watches = new Map<Watch, ServerResponse>();

  /** @param token without which nothing is answered but 401 */
  constructor(store: Store, clock: Clock, token?: string) {
    this.#store = store;
    this.#clock = clock;
    this.#token = token;
    this.#api = new Api(store, clock, this.policies);
    // Longer than any client keeps an idle connection, so that none is closed just when it is used again.
    this.#server = createServer({ keepAliveTimeout: 300_000 }, (request, response) => {
      this.#serve(request, response).catch((error: unknown) => refuse(response, error));
    });
  }

  /** The port it listens on, on the loopback interface only. */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    return address.port;
  }

  async close(): Promise<void> {
    for (const watch of this.#watches.keys()) watch.stop();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  inject(...fault: Parameters<ApiFaults["inject"]>): void {
    this.#faults.add(...fault);
  }

  clear(): void {
    this.#faults.clear();
    for (const response of this.#hanging) response.socket?.resetAndDestroy();
    this.#hanging.clear();
  }

  dropWatches(): void {
    for (const response of this.#watches.values()) response.destroy();
  }

  expireWatches(): void {
    this.#store.expire();
    this.dropWatches();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://127.0.0.1");
    const fixed = request.method === "GET" ? health(pathname) : undefined;
    if (fixed !== undefined) return send(response, fixed, "text/plain; charset=utf-8");
    this.#authenticate(request);
    mustAcceptJson(request.headers.accept);
    const found = request.method === "GET" ? discovery(pathname) : undefined;
    if (found !== undefined) return send(response, json(200, found));
    const route = parseRoute(pathname);
    if (route === undefined) throw unknownPath();
    const verb = verbOf(request.method ?? "", route, query);
    if (verb === undefined || !route.resource.verbs.includes(verb)) throw methodNotAllowed();

    const { resource, namespace, name } = route;
    this.#count(`${verb} ${resource.plural}`);
    authorize(verb, route, request.headers["impersonate-user"]);
    const call: Call = { verb, route, query, headers: request.headers, body: await text(request) };
    const fault = this.#faults.take({
      verb,
      resource: resource.plural,
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
    });
    if (fault !== undefined) this.#fail(fault, call, response);
    else if (verb === "watch") this.#watch(call, response);
    else send(response, this.#api.answer(call));
  }

  #authenticate({ headers }: IncomingMessage): void {
    if (this.#token === undefined || headers.authorization === `Bearer ${this.#token}`) return;
    this.#count("unauthorized");
    throw new ApiError(401, "Unauthorized", "Unauthorized");
  }

  #count(what: string): void {
    this.requests.set(what, (this.requests.get(what) ?? 0) + 1);
  }

  #watch(call: Call, response: ServerResponse): void {
    const { route, query } = call;
    const selection = this.#api.selection(route, query);
    const collection = this.#store.collection(route.resource);
    const options = this.#api.watchOptions(call);
    const watch = new Watch(this.#store, collection, this.#clock, selection, options, response);
    this.#watches.set(watch, response);
    response.once("close", () => {
      watch.stop();
      this.#watches.delete(watch);
    });
    watch.start();
  }

  #fail(fault: ApiFault, call: Call, response: ServerResponse): void {
    switch (fault.kind) {
      case "status": {
        const { code, retryAfterSeconds } = fault;
        if (retryAfterSeconds !== undefined) response.setHeader("retry-after", retryAfterSeconds);
        throw new ApiError(code, REASONS[code], `injected fault: HTTP ${code}`);
      }
      case "hang":
        this.#hanging.add(response);
        response.once("close", () => this.#hanging.delete(response));
        return;
      case "lostAnswer":
        if (call.verb !== "watch") this.#api.answer(call);
        response.socket?.resetAndDestroy();
        return;
      case "staleList":
        send(response, this.#api.answer(call, Number(fault.resourceVersion)));
        return;
      case "reset":
        response.socket?.resetAndDestroy();
    }
  }
}

/** Whoever acts for somebody else acts for a user without any role. @throws ApiError 403 in the words of RBAC */
function authorize(
  verb: Verb,
  { resource, namespace, name }: Route,
  user: string | string[] | undefined,
): void {
  if (user === undefined) return;
  const { plural, group } = resource;
  const subject = `${plural}${group === "" ? "" : `.${group}`}${name === undefined ? "" : ` "${name}"`}`;
  const where = namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`;
  const why = `User "${String(user)}" cannot ${verb} resource "${plural}" in API group "${group}" ${where}`;
  const details = { ...(name === undefined ? {} : { name }), group, kind: plural };
  throw new ApiError(403, "Forbidden", `${subject} is forbidden: ${why}`, { details });
}

const REASONS: Record<number, string> = {
  401: "Unauthorized",
  403: "Forbidden",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

function verbOf(method: string, { name }: Route, query: URLSearchParams): Verb | undefined {
  switch (method) {
    case "GET":
      if (isTrue(query.get("watch"))) return "watch";
      return name === undefined ? "list" : "get";
    case "POST":
      return name === undefined ? "create" : undefined;
    case "PATCH":
      return name === undefined ? undefined : "patch";
    case "DELETE":
      return name === undefined ? undefined : "delete";
    default:
      return undefined;
  }
}

function health(path: string): Answer | undefined {
  return ["/healthz", "/livez", "/readyz"].includes(path)
    ? { code: 200, body: Buffer.from("ok") }
    : undefined;
}

function mustAcceptJson(accept = "*/*"): void {
  if (/(^|,)\s*(application\/json|application\/\*|\*\/\*)/.test(accept)) return;
  const message = "406: Not Acceptable\n\nAvailable representations: application/json";
  throw new ApiError(406, "NotAcceptable", message, { details: {} });
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const known =
    error instanceof ApiError
      ? error
      : new ApiError(500, "InternalError", `internal error: ${String(error)}`);
  const retryAfter = known.details?.retryAfterSeconds;
  if (retryAfter !== undefined) response.setHeader("retry-after", retryAfter);
  send(response, json(known.code, statusBody(known)));
}

function send(response: ServerResponse, { code, body }: Answer, type = "application/json"): void {
  response.writeHead(code, { "content-type": type, "content-length": body.length });
  response.end(body);
}
