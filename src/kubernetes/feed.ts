import { ApiException, RequestContext } from "@kubernetes/client-node";
import { fetch, type Response } from "undici";
import type { ClusterConnection } from "./connection.ts";
import { TransientKubernetesError, transient } from "./errors.ts";

// LIST and WATCH as plain objects: the typed client takes four times the CPU, which a fleet would feel.

/** What is listed and watched. */
export interface Resource {
  /** For messages: "Deployments". */
  title: string;
  /** Path of the collection in the API. */
  path: string;
  labelSelector?: string;
}

/** What every object has that the feed needs. */
export interface ListedObject {
  metadata?: { name?: string; resourceVersion?: string };
}

const PAGE = 500;
const PAGE_TIMEOUT_MS = 20_000;
/** Beyond the lifetime it asked for, a stream that has not ended is hung. */
const GRACE_MS = 10_000;

export interface Page<T> {
  items: T[];
  /** Where a watch goes on from. */
  resourceVersion: string;
}

export type FeedEvent<T> =
  | { type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK"; object: T }
  | { type: "ERROR"; object: { code?: number; message?: string } };

/** @throws TransientKubernetesError; the list has to be started over */
export async function* listPages<T extends ListedObject>(
  connection: ClusterConnection,
  resource: Resource,
  signal: AbortSignal,
): AsyncGenerator<Page<T>> {
  let next = "";
  do {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(PAGE_TIMEOUT_MS)]);
    const page = await listPage<T>(connection, resource, next, limited);
    yield { items: page.items, resourceVersion: page.metadata.resourceVersion };
    next = page.metadata.continue ?? "";
  } while (next !== "");
}

/**
 * The events since `resourceVersion`, until the server ends the stream after `seconds`. A stream that fails to end
 * is cut.
 * @throws TransientKubernetesError; `GoneError` when the version has expired
 */
export async function* watchEvents<T extends ListedObject>(
  connection: ClusterConnection,
  resource: Resource,
  resourceVersion: string,
  seconds: number,
  signal: AbortSignal,
): AsyncGenerator<FeedEvent<T>> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1_000 + GRACE_MS)]);
  const doing = `watching the ${resource.title} of ${connection.name}`;
  try {
    const response = await get(connection, resource, limited, {
      watch: "true",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(seconds),
      resourceVersion,
    });
    if (response.body === null) return;
    let rest = "";
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line) as FeedEvent<T>;
    }
  } catch (error) {
    throw transient(error, doing);
  }
}

interface ListAnswer<T> {
  items: T[];
  metadata: { resourceVersion: string; continue?: string };
}

async function listPage<T>(
  connection: ClusterConnection,
  resource: Resource,
  next: string,
  signal: AbortSignal,
): Promise<ListAnswer<T>> {
  const doing = `listing the ${resource.title} of ${connection.name}`;
  try {
    const parameters = { limit: String(PAGE), ...(next === "" ? {} : { continue: next }) };
    const answer = await (await get(connection, resource, signal, parameters)).json();
    if (isList<T>(answer)) return answer;
  } catch (error) {
    throw transient(error, doing);
  }
  throw new TransientKubernetesError(`${doing}: the answer is no list`);
}

async function get(
  connection: ClusterConnection,
  { path, labelSelector }: Resource,
  signal: AbortSignal,
  parameters: Record<string, string>,
): Promise<Response> {
  const server = connection.config.getCurrentCluster()?.server ?? "";
  const query = new URLSearchParams({
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...parameters,
  });
  const url = `${server}${path}?${query}`;
  const context = new RequestContext(url, "GET");
  await connection.config.applySecurityAuthentication(context);
  const dispatcher = context.getDispatcher();
  const response = await fetch(url, {
    headers: context.getHeaders(),
    signal,
    ...(dispatcher === undefined ? {} : { dispatcher }),
  });
  if (response.status === 200) return response;
  const body = await response.text();
  if (response.status === 410) throw new GoneError();
  throw new ApiException(response.status, response.statusText, body, Object.fromEntries(response.headers));
}

/** The version asked for is no longer in the server's history. */
export class GoneError extends TransientKubernetesError {
  constructor() {
    super("the resource version has expired");
    this.name = "GoneError";
  }
}

function isList<T>(answer: unknown): answer is ListAnswer<T> {
  return (
    typeof answer === "object" &&
    answer !== null &&
    "items" in answer &&
    Array.isArray(answer.items) &&
    "metadata" in answer &&
    typeof answer.metadata === "object" &&
    answer.metadata !== null &&
    "resourceVersion" in answer.metadata
  );
}
