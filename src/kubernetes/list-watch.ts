import { ApiException } from "@kubernetes/client-node";
import type { ClusterConnection } from "./connection.ts";
import { TransientKubernetesError, transient } from "./errors.ts";
import { ask, json } from "./request.ts";
import type { ApiAnswer } from "./transport.ts";

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

const PAGE_SIZE = 500;
const PAGE_TIMEOUT_MS = 20_000;
/** Until a stream begins, which it does at once. */
const OPEN_TIMEOUT_MS = 10_000;
/** Beyond the lifetime it asked for, a stream that has not ended is hung. */
const GRACE_MS = 10_000;

export interface Page<T> {
  items: T[];
  /** Where a watch goes on from. */
  resourceVersion: string;
  /** Where the next page begins; empty: this is the last one. */
  next: string;
}

export type FeedEvent<T> =
  | { type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK"; object: T }
  | { type: "ERROR"; object: { code?: number; message?: string } };

/**
 * All pages show the state at the time of the first one.
 * @param from the `next` of the page before; empty: from the beginning
 * @throws TransientKubernetesError; the same page can be asked for again. `GoneError`: the list has to be started over
 */
export async function* listPages<T extends ListedObject>(
  connection: ClusterConnection,
  resource: Resource,
  from: string,
  signal: AbortSignal,
  pageSize = PAGE_SIZE,
): AsyncGenerator<Page<T>> {
  let next = from;
  do {
    const further = next === "" ? {} : { continue: next };
    const page = await listPage<T>(connection, resource, signal, { limit: String(pageSize), ...further });
    next = page.metadata.continue ?? "";
    yield { items: page.items, resourceVersion: page.metadata.resourceVersion, next };
  } while (next !== "");
}

/**
 * The object of this name as it is now; undefined: there is none, or none that is selected.
 * @throws TransientKubernetesError
 */
export async function readObject<T extends ListedObject>(
  connection: ClusterConnection,
  resource: Resource,
  name: string,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { items } = await listPage<T>(connection, resource, signal, {
    fieldSelector: `metadata.name=${name}`,
  });
  return items[0];
}

/**
 * How far the API server is.
 * @throws TransientKubernetesError
 */
export async function newestVersion(
  connection: ClusterConnection,
  resource: Resource,
  signal: AbortSignal,
): Promise<string> {
  const { metadata } = await listPage(connection, resource, signal, { limit: "1" });
  return metadata.resourceVersion;
}

/**
 * The events since `resourceVersion`, until the server ends the stream after `seconds`. A stream that fails to end
 * is cut.
 * @throws TransientKubernetesError; `GoneError` when the version has expired, `SilenceError` when the stream hung
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
    const { stream } = await get(
      connection,
      resource,
      parameters,
      OPEN_TIMEOUT_MS,
      limited,
      (opened) => opened,
    );
    let rest = "";
    for await (const text of stream.setEncoding("utf8") as AsyncIterable<string>) {
      connection.health.answered();
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line) as FeedEvent<T>;
    }
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") throw new SilenceError(doing);
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
  signal: AbortSignal,
  parameters: Record<string, string>,
): Promise<ListAnswer<T>> {
  const doing = `listing the ${resource.title} of ${connection.name}`;
  try {
    const answer = await get(connection, resource, parameters, PAGE_TIMEOUT_MS, signal, json);
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
  take: (answer: ApiAnswer) => T | Promise<T>,
): Promise<T> {
  const selected = labelSelector === undefined ? parameters : { labelSelector, ...parameters };
  const request = { method: "GET", path, parameters: selected } as const;
  try {
    return await ask(connection, request, { traffic: "feeds", timeoutMs, signal }, take);
  } catch (error) {
    // 400 for a page that somebody else's server began, as after a failover: that token is none of its own.
    const isGone = (code: number) => code === 410 || (code === 400 && "continue" in parameters);
    throw error instanceof ApiException && isGone(error.code) ? new GoneError() : error;
  }
}

/** The version, or the page, asked for is no longer in the server's history. */
export class GoneError extends TransientKubernetesError {
  constructor() {
    super("the resource version has expired");
    this.name = "GoneError";
  }
}

/** A stream neither said anything nor ended: it may have missed changes. */
export class SilenceError extends TransientKubernetesError {
  constructor(doing: string) {
    super(`${doing}: no answer in time`, { clusterWide: true });
    this.name = "SilenceError";
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
