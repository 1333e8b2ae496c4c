import { ApiException } from "@kubernetes/client-node";
import { retryAfterMs } from "../util/retry-after.ts";

/** Trouble that may pass: network, timeout, throttling, conflicts, server errors, a token that expired. Try again. */
export class TransientKubernetesError extends Error {
  /** How long the API server asked to be left alone. */
  readonly retryAfterMs?: number;
  /** True: it is the cluster's trouble (away, overloaded), not this request's. The cluster's health tells of it once. */
  readonly clusterWide: boolean;
  constructor(message: string, options: { retryAfterMs?: number | undefined; clusterWide?: boolean } = {}) {
    super(message);
    this.name = "TransientKubernetesError";
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    this.clusterWide = options.clusterWide ?? false;
  }
}

/** What the API server answered: the parts of its Status that decisions are made on. */
export interface ApiFailure {
  code: number;
  message: string;
  /** The invalid fields, when a 422 names any; a failed JSON Patch test names none. */
  causes: string[];
  /** What the answer is about: the resource's name, kind or group. A failed JSON Patch test names nothing. */
  names: boolean;
  /** False for an answer that is no Kubernetes Status: some proxy between here and the API server. */
  fromKubernetes: boolean;
  retryAfterMs?: number;
}

/** Enough for what a policy has to say after its names. */
const MESSAGE_LENGTH = 600;
const MAX_RETRY_AFTER_MS = 60_000;

/** Answers that say nothing about the request: credentials that are not taken, or no API server behind the address. */
const AWAY = new Set([401, 502, 503, 504]);

export function isAway(code: number): boolean {
  return AWAY.has(code);
}

/** The API server's answer in an error, or undefined where there was none (network, timeout). */
export function apiFailure(error: unknown): ApiFailure | undefined {
  if (!(error instanceof ApiException)) return undefined;
  const status = parseStatus(error.body);
  const retryAfterMs = retryAfter(error.headers["retry-after"]);
  return {
    code: error.code,
    message: (status?.message ?? "").slice(0, MESSAGE_LENGTH),
    causes: (status?.details?.causes ?? []).map(({ field, message = "" }) =>
      field === undefined || field === "" ? message : `${field}: ${message}`,
    ),
    names: [status?.details?.name, status?.details?.kind].some((name) => name !== undefined && name !== ""),
    fromKubernetes: status !== undefined,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Names the trouble without headers, bodies or credentials. */
export function transient(error: unknown, doing: string): TransientKubernetesError {
  if (error instanceof TransientKubernetesError) return error;
  const failure = apiFailure(error);
  if (failure === undefined) {
    return new TransientKubernetesError(`${doing}: ${describe(error)}`, { clusterWide: true });
  }
  const { code, message, retryAfterMs } = failure;
  const said = message === "" ? "" : `: ${message}`;
  return new TransientKubernetesError(`${doing}: the Kubernetes API answered ${code}${said}`, {
    retryAfterMs,
    clusterWide: code === 429 || isAway(code),
  });
}

/** How long (ms) an API server asks to be left alone; never longer than a minute. */
export function retryAfter(header: string | undefined): number | undefined {
  return retryAfterMs(header, MAX_RETRY_AFTER_MS);
}

/** Network trouble in a few words. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  if (error.name === "TimeoutError" || error.name === "AbortError") return "no answer in time";
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : "";
  return `${cause.message.slice(0, MESSAGE_LENGTH)}${code}`;
}

interface Status {
  kind: "Status";
  message?: string;
  details?: { name?: string; kind?: string; causes?: { field?: string; message?: string }[] };
}

function parseStatus(body: unknown): Status | undefined {
  try {
    const parsed: unknown = typeof body === "string" ? JSON.parse(body) : body;
    return isStatus(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isStatus(value: unknown): value is Status {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "Status";
}
