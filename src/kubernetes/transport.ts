import type { Readable } from "node:stream";
import type { RequestContext } from "@kubernetes/client-node";
import { type Dispatcher, request as send } from "undici";
import type { Credentials } from "./credentials.ts";
import { describe, isAway, retryAfter } from "./errors.ts";
import type { HealthTracker } from "./health.ts";
import type { Limiter, Traffic } from "./limiter.ts";
import type { KubernetesMetrics } from "./metrics.ts";

/** What came back; its body has to be taken, in one of the ways. */
export interface ApiAnswer {
  status: number;
  headers: Record<string, string>;
  text(): Promise<string>;
  bytes(): Promise<Uint8Array>;
  stream: Readable;
}

export interface SendOptions<T> {
  traffic: Traffic;
  /** How long it may take (ms) to be read, counted from when it is sent and not from when it is asked for. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Takes what is needed of the answer, whatever its status. Its slot is free for others afterwards. */
  read(answer: ApiAnswer): Promise<T> | T;
}

export type Send = <T>(request: RequestContext, exchange: SendOptions<T>) => Promise<T>;

export interface TransportOptions {
  limiter: Limiter;
  health: HealthTracker;
  credentials: Pick<Credentials, "apply" | "doubt">;
  metrics: KubernetesMetrics | undefined;
}

/** The one way to a cluster: each request waits for its turn, and each answer tells how the cluster is. */
export function createTransport({ limiter, health, credentials, metrics }: TransportOptions): Send {
  return (request, { traffic, timeoutMs, signal, read }) => {
    const begin = async () => {
      const overdue = new AbortController();
      const timer = setTimeout(() => overdue.abort(new DOMException("overdue", "TimeoutError")), timeoutMs);
      try {
        return await read(await answer(request, overdue.signal, signal));
      } finally {
        clearTimeout(timer);
      }
    };
    return limiter.run(traffic, begin, signal);
  };

  async function answer(
    request: RequestContext,
    overdue: AbortSignal,
    signal: AbortSignal | undefined,
  ): Promise<ApiAnswer> {
    const sentMs = Date.now();
    const ended = (code: number | "error") =>
      metrics?.request(health.current.cluster, verbOf(request), code, (Date.now() - sentMs) / 1000);
    try {
      const either = signal === undefined ? overdue : AbortSignal.any([overdue, signal]);
      // Not before its turn: what it waited for may have been changed meanwhile.
      await inTime(credentials.apply(request), either);
      const received = await dispatch(request, either);
      ended(received.status);
      heed(received, sentMs);
      return received;
    } catch (error) {
      if (signal?.aborted !== true) {
        ended("error");
        credentials.doubt(false);
        health.failed(describe(error), sentMs);
      }
      throw error;
    }
  }

  function heed({ status, headers }: ApiAnswer, sentMs: number): void {
    const askedMs = retryAfter(headers["retry-after"]);
    if (status === 429 || (status === 503 && askedMs !== undefined)) limiter.pause(askedMs);
    if (status === 401) credentials.doubt(true);
    if (isAway(status)) health.failed(`the Kubernetes API answered ${status}`, sentMs);
    else health.answered();
  }
}

/** A redirect is not followed: a cluster's credentials are for its own API server. */
async function dispatch(request: RequestContext, signal: AbortSignal): Promise<ApiAnswer> {
  const dispatcher = request.getDispatcher();
  const { statusCode, headers, body } = await send(request.getUrl(), {
    method: request.getHttpMethod().toString() as Dispatcher.HttpMethod,
    headers: request.getHeaders(),
    body: (request.getBody() as string | undefined) ?? null,
    signal,
    // The signal bounds both.
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(dispatcher === undefined ? {} : { dispatcher }),
  });
  return {
    status: statusCode,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, String(value)] as const),
    ),
    text: () => body.text(),
    bytes: () => body.bytes(),
    stream: body,
  };
}

/** A command that fetches a token may hang. */
async function inTime(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(signal.reason);
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp);
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** As in Kubernetes' permissions. */
function verbOf(request: RequestContext): string {
  const method = request.getHttpMethod().toString();
  if (method !== "GET") return method.toLowerCase();
  const { pathname, searchParams } = new URL(request.getUrl());
  if (searchParams.has("watch")) return "watch";
  return /\/(deployments|pods)$/.test(pathname) ? "list" : "get";
}
