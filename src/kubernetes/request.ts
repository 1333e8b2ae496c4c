import { ApiException, RequestContext } from "@kubernetes/client-node";
import type { ClusterConnection } from "./connection.ts";
import { SERVER } from "./credentials.ts";
import { TransientKubernetesError } from "./errors.ts";
import type { ApiAnswer, SendOptions } from "./transport.ts";

// Requests and answers as plain objects: the typed client takes four times the CPU, which a fleet would feel.

export interface PlainRequest {
  method: "GET" | "PATCH";
  path: string;
  parameters?: Record<string, string>;
  contentType?: string;
  body?: unknown;
}

/**
 * Sends it and takes what is needed of the answer.
 * @throws ApiException for any status but 200
 */
export async function ask<T>(
  connection: ClusterConnection,
  { method, path, parameters = {}, contentType, body }: PlainRequest,
  exchange: Omit<SendOptions<T>, "read">,
  take: (answer: ApiAnswer) => T | Promise<T>,
): Promise<T> {
  const query = new URLSearchParams(parameters).toString();
  const request = new RequestContext(`${SERVER}${path}${query === "" ? "" : `?${query}`}`, method);
  request.setHeaderParam("accept", "application/json");
  if (contentType !== undefined) request.setHeaderParam("content-type", contentType);
  if (body !== undefined) request.setBody(JSON.stringify(body));
  return connection.send(request, {
    ...exchange,
    read: async (answer) => {
      if (answer.status === 200) return take(answer);
      throw new ApiException(answer.status, "", await answer.text(), answer.headers);
    },
  });
}

/** @throws TransientKubernetesError for what is no JSON: a proxy's page with status 200 */
export async function json(answer: ApiAnswer): Promise<unknown> {
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new TransientKubernetesError("the Kubernetes API answered with something that is no JSON");
  }
}
