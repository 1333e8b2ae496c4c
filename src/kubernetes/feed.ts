import { ApiException, RequestContext } from "@kubernetes/client-node";
import type { Response } from "undici";
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
/** Until a stream begins, which it does at once. */
const OPEN_TIMEOUT_MS = 10_000;
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
    const page = await listPage<T>(connection, resource, next, signal);
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
    const parameters = {
      watch: "true",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(seconds),
      resourceVersion,
    };
    const { body } = await get(
      connection,
      resource,
      parameters,
      OPEN_TIMEOUT_MS,
      limited,
      (opened) => opened,
    );
    if (body === null) return;
    let rest = "";
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      connection.health.answered();
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
    const answer = await get(connection, resource, parameters, PAGE_TIMEOUT_MS, signal, (page) =>
      page.json(),
    );
    if (isList<T>(answer)) return answer;
  } catch (error) {
    throw transient(error, doing);
  }
  throw new TransientKubernetesError(`${doing}: the answer is no list`);
}

async function get<T>(
  connection: ClusterConnection,
  { path, labelSelector }: Resource,
  parameters: Record<string, string>,
  timeoutMs: number,
  signal: AbortSignal,
  take: (response: Response) => T | Promise<T>,
): Promise<T> {
  const server = connection.config.getCurrentCluster()?.server ?? "";
  const query = new URLSearchParams({
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...parameters,
  });
  const request = new RequestContext(`${server}${path}?${query}`, "GET");
  await connection.config.applySecurityAuthentication(request);
  return connection.send(request, {
    lane: "feeds",
    timeoutMs,
    signal,
    read: async (response) => {
      const { status, statusText, headers } = response;
      if (status === 200) return take(response);
      const body = await response.text();
      if (status === 410) throw new GoneError();
      throw new ApiException(status, statusText, body, Object.fromEntries(headers));
    },
  });
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
