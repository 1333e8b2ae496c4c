import { ApiException, RequestContext, type V1Deployment } from "@kubernetes/client-node";
import { fetch, type Response } from "undici";
import type { ClusterConnection } from "./connection.ts";
import { TransientKubernetesError, transient } from "./errors.ts";

// LIST and WATCH as plain objects: the typed client takes four times the CPU, which a fleet would feel.

const LABEL_SELECTOR = "app.kubernetes.io/component=sentinel";
const PAGE = 500;
const PAGE_TIMEOUT_MS = 20_000;
/** Beyond the lifetime it asked for, a stream that has not ended is hung. */
const GRACE_MS = 10_000;

export interface DeploymentPage {
  items: V1Deployment[];
  /** Where a watch goes on from. */
  resourceVersion: string;
}

export type DeploymentEvent =
  | { type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK"; object: V1Deployment }
  | { type: "ERROR"; object: { code?: number; message?: string } };

/** @throws TransientKubernetesError; the list has to be started over */
export async function* listPages(
  connection: ClusterConnection,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<DeploymentPage> {
  let next = "";
  do {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(PAGE_TIMEOUT_MS)]);
    const page = await listPage(connection, namespace, next, limited);
    yield { items: page.items, resourceVersion: page.metadata.resourceVersion };
    next = page.metadata.continue ?? "";
  } while (next !== "");
}

/**
 * The events since `resourceVersion`, until the server ends the stream after `seconds`. A stream that fails to end
 * is cut.
 * @throws TransientKubernetesError; `GoneError` when the version has expired
 */
export async function* watchEvents(
  connection: ClusterConnection,
  namespace: string,
  resourceVersion: string,
  seconds: number,
  signal: AbortSignal,
): AsyncGenerator<DeploymentEvent> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1_000 + GRACE_MS)]);
  const doing = `watching the Deployments of ${connection.name}`;
  try {
    const response = await get(connection, namespace, limited, {
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
      for (const line of lines) yield JSON.parse(line) as DeploymentEvent;
    }
  } catch (error) {
    throw transient(error, doing);
  }
}

interface ListAnswer {
  items: V1Deployment[];
  metadata: { resourceVersion: string; continue?: string };
}

async function listPage(
  connection: ClusterConnection,
  namespace: string,
  next: string,
  signal: AbortSignal,
): Promise<ListAnswer> {
  const doing = `listing the Deployments of ${connection.name}`;
  try {
    const parameters = { limit: String(PAGE), ...(next === "" ? {} : { continue: next }) };
    const answer = await (await get(connection, namespace, signal, parameters)).json();
    if (isList(answer)) return answer;
  } catch (error) {
    throw transient(error, doing);
  }
  throw new TransientKubernetesError(`${doing}: the answer is no list`);
}

async function get(
  connection: ClusterConnection,
  namespace: string,
  signal: AbortSignal,
  parameters: Record<string, string>,
): Promise<Response> {
  const server = connection.config.getCurrentCluster()?.server ?? "";
  const query = new URLSearchParams({ labelSelector: LABEL_SELECTOR, ...parameters });
  const url = `${server}/apis/apps/v1/namespaces/${namespace}/deployments?${query}`;
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

function isList(answer: unknown): answer is ListAnswer {
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
