import type { RequestContext } from "@kubernetes/client-node";
import { type BodyInit, fetch, type Response } from "undici";
import type { KubernetesMetrics } from "../metrics/kubernetes.ts";
import { describe, isAway, retryAfter } from "./errors.ts";
import type { HealthTracker } from "./health.ts";
import type { Lane, Limiter } from "./limiter.ts";

export interface Exchange<T> {
  lane: Lane;
  /** How long it may take (ms) to be read, counted from when it is sent and not from when it is asked for. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Takes what is needed of the answer, whatever its status. Its place is free for others afterwards. */
  read(response: Response): Promise<T> | T;
}

export type Send = <T>(request: RequestContext, exchange: Exchange<T>) => Promise<T>;

export interface TransportOptions {
  limiter: Limiter;
  health: HealthTracker;
  metrics: KubernetesMetrics | undefined;
}

/** The one way to a cluster: whatever is sent waits for its turn, and what comes back tells how the cluster is. */
export function createTransport({ limiter, health, metrics }: TransportOptions): Send {
  return (request, { lane, timeoutMs, signal, read }) => {
    const begin = async () => {
      const overdue = new AbortController();
      const timer = setTimeout(() => overdue.abort(new DOMException("overdue", "TimeoutError")), timeoutMs);
      try {
        return await read(await answer(request, overdue.signal, signal));
      } finally {
        clearTimeout(timer);
      }
    };
    return limiter.run(lane, begin, signal);
  };

  async function answer(
    request: RequestContext,
    overdue: AbortSignal,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const sentMs = Date.now();
    const ended = (code: number | "error") =>
      metrics?.request(health.current.cluster, verbOf(request), code, (Date.now() - sentMs) / 1000);
    try {
      const either = signal === undefined ? overdue : AbortSignal.any([overdue, signal]);
      const response = await dispatch(request, either);
      ended(response.status);
      heed(response, sentMs);
      return response;
    } catch (error) {
      if (signal?.aborted !== true) {
        ended("error");
        health.failed(describe(error), sentMs);
      }
      throw error;
    }
  }

  function heed({ status, headers }: Response, sentMs: number): void {
    const askedMs = retryAfter(headers.get("retry-after") ?? undefined);
    if (status === 429 || (status === 503 && askedMs !== undefined)) limiter.pause(askedMs);
    if (isAway(status)) health.failed(`the Kubernetes API answered ${status}`, sentMs);
    else health.answered();
  }
}

function dispatch(request: RequestContext, signal: AbortSignal): Promise<Response> {
  const dispatcher = request.getDispatcher();
  return fetch(request.getUrl(), {
    method: request.getHttpMethod().toString(),
    headers: request.getHeaders(),
    body: (request.getBody() as BodyInit | undefined) ?? null,
    signal,
    // A cluster's credentials are for its own API server.
    redirect: "error",
    ...(dispatcher === undefined ? {} : { dispatcher }),
  });
}

/** As in Kubernetes' permissions. */
function verbOf(request: RequestContext): string {
  const method = request.getHttpMethod().toString();
  if (method !== "GET") return method.toLowerCase();
  const { pathname, searchParams } = new URL(request.getUrl());
  if (searchParams.has("watch")) return "watch";
  return /\/(deployments|pods)$/.test(pathname) ? "list" : "get";
}
