import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "./clock.ts";
import { keyOf } from "./collection.ts";
import { deleteObject } from "./deletes.ts";
import { listBody, listPage } from "./lists.ts";
import type { KubeObject } from "./objects.ts";
import type { PoliciesInForce } from "./policies.ts";
import { DEPLOYMENTS, kinded, NAMESPACES, notFound, type Resource, type Verb } from "./resources.ts";
import type { Route } from "./routes.ts";
import { parseFieldSelector, parseLabelSelector, type Selection } from "./selectors.ts";
import { ApiError, badRequest, invalid, methodNotAllowed } from "./status.ts";
import type { Store } from "./store.ts";
import { type Table, tableBody, tableOf } from "./table.ts";
import type { WatchOptions } from "./watch.ts";
import { Writes } from "./writes.ts";

export interface Call {
  verb: Verb;
  route: Route;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Answer {
  code: number;
  body: Buffer;
}

/** What each verb does, but for watches, which never end in one answer. */
export class Api {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #writes: Writes;

  constructor(store: Store, clock: Clock, policies?: PoliciesInForce) {
    this.#store = store;
    this.#clock = clock;
    this.#writes = new Writes(store, policies);
  }

  /**
   * @param asOf the version that a list shows instead of the present one
   * @throws ApiError
   */
  answer({ verb, route, query, headers, body }: Call, asOf?: number): Answer {
    const { resource, namespace, name = "", subresource } = route;
    const key = keyOf({ name, ...(namespace === undefined ? {} : { namespace }) });
    const dryRun = query.get("dryRun") ?? "";
    const tries =
      dryRun === "All" && verb === "patch" && resource === DEPLOYMENTS && subresource === undefined;
    if (verb !== "get" && verb !== "list" && dryRun !== "" && !tries) {
      throw badRequest("dryRun is supported for patches of Deployments");
    }
    const contentType = (headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
    switch (verb) {
      case "list":
        return this.#list(route, query, headers.accept, asOf);
      case "get":
        if (subresource === "scale") return json(200, this.#writes.scale(key, name));
        return this.#get(resource, key, name, headers.accept);
      case "patch":
        if (subresource === "scale") {
          return json(200, this.#writes.patchScale(key, name, contentType, body));
        }
        return json(200, kinded(resource, this.#writes.patchDeployment(key, name, contentType, body, tries)));
      case "create":
        return json(201, kinded(resource, this.#create(resource, namespace, contentType, body)));
      case "delete": {
        const policy = query.get("propagationPolicy");
        const options = { policy, body };
        return json(200, deleteObject(this.#store, this.#clock, resource, key, name, options));
      }
      case "watch":
        throw methodNotAllowed();
    }
  }

  /** @throws ApiError 422 */
  watchOptions({ route, query, headers }: Call): WatchOptions {
    const version = query.get("resourceVersion") ?? "";
    if (!/^\d*$/.test(version)) {
      throw new ApiError(500, undefined, `resourceVersion: Invalid value: ${JSON.stringify(version)}`);
    }
    const initial = query.get("sendInitialEvents");
    if (initial !== null && query.get("resourceVersionMatch") !== "NotOlderThan") {
      const message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
      throw invalid("ListOptions", "meta.k8s.io", "", [
        { reason: "FieldValueForbidden", message, field: "resourceVersionMatch" },
      ]);
    }
    const fromNow = initial === "false" && Number(version) === 0;
    const fromStart = initial === null ? Number(version) === 0 : initial === "true";
    const seconds = Number(query.get("timeoutSeconds") ?? 0);
    return {
      since: fromNow ? this.#store.version : fromStart ? undefined : Number(version),
      bookmarks: isTrue(query.get("allowWatchBookmarks")),
      // Without a wish, half an hour to an hour, so that not all watches end at once.
      timeoutSeconds: seconds > 0 ? seconds : 1800 * (1 + Math.random()),
      table: this.#table(route.resource, headers.accept),
    };
  }

  /** @throws ApiError 400 */
  selection({ resource, namespace, name }: Route, query: URLSearchParams): Selection {
    const fields = parseFieldSelector(query.get("fieldSelector") ?? "", resource);
    if (name !== undefined) fields.push({ path: "metadata.name", value: name, negated: false });
    return {
      ...(namespace === undefined ? {} : { namespace }),
      labels: parseLabelSelector(query.get("labelSelector") ?? ""),
      fields,
    };
  }

  #list(route: Route, query: URLSearchParams, accept: string | undefined, asOf?: number): Answer {
    const collection = this.#store.collection(route.resource);
    const page = listPage(this.#store, collection, this.selection(route, query), query, asOf);
    const table = this.#table(route.resource, accept);
    if (table === undefined) return { code: 200, body: listBody(collection, page) };
    const objects = page.entries.map(({ object }) => object);
    return json(200, tableBody(table, objects, page.metadata, this.#clock.now()));
  }

  #get(resource: Resource, key: string, name: string, accept: string | undefined): Answer {
    const object = this.#store.collection(resource).entry(key)?.object;
    if (object === undefined) throw notFound(resource, name);
    const table = this.#table(resource, accept);
    if (table === undefined) return json(200, kinded(resource, object));
    const { resourceVersion } = object.metadata;
    return json(200, tableBody(table, [object], { resourceVersion }, this.#clock.now()));
  }

  #create(resource: Resource, namespace = "", contentType: string, body: string): KubeObject {
    if (contentType !== "application/json") {
      const message =
        "the body of the request was in an unknown format - accepted media types include: application/json";
      throw new ApiError(415, "UnsupportedMediaType", message);
    }
    if (resource === DEPLOYMENTS) return this.#writes.createDeployment(namespace, body);
    if (resource === NAMESPACES) return this.#writes.createNamespace(body);
    throw methodNotAllowed();
  }

  #table(resource: Resource, accept = ""): Table | undefined {
    return /;as=Table;v=v1;/.test(`${accept.split(",")[0]};`) ? tableOf(resource) : undefined;
  }
}

export function isTrue(value: string | null): boolean {
  return value === "1" || value === "true";
}

export function json(code: number, body: object): Answer {
  return { code, body: Buffer.from(JSON.stringify(body)) };
}
