import { ApiException } from "@kubernetes/client-node";

/** Trouble that may pass: network, timeout, throttling, conflicts, server errors, a token that expired. Try again. */
export class TransientKubernetesError extends Error {
  /** How long the API server asked to be left alone. */
  readonly retryAfterMs?: number;
  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.name = "TransientKubernetesError";
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}

/** What the API server answered: the parts of its Status that decisions are made on. */
export interface ApiFailure {
  code: number;
  message: string;
  /** The invalid fields, when a 422 names any; a failed JSON Patch test names none. */
  causes: string[];
  /** False for an answer that is no Kubernetes Status: some proxy between here and the API server. */
  fromKubernetes: boolean;
  retryAfterMs?: number;
}

const MESSAGE_LENGTH = 300;
const MAX_RETRY_AFTER_MS = 60_000;

/** The API server's answer in an error, or undefined where there was none (network, timeout). */
export function apiFailure(error: unknown): ApiFailure | undefined {
  if (!(error instanceof ApiException)) return undefined;
  const status = parseStatus(error.body);
  const retryAfterMs = retryAfter(error.headers["retry-after"]);
  return {
    code: error.code,
    message: (status?.message ?? "").slice(0, MESSAGE_LENGTH),
    causes: (status?.details?.causes ?? []).map(({ field, message }) => `${field ?? ""}: ${message ?? ""}`),
    fromKubernetes: status !== undefined,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Names the trouble without headers, bodies or credentials. */
export function transient(error: unknown, doing: string): TransientKubernetesError {
  if (error instanceof TransientKubernetesError) return error;
  const failure = apiFailure(error);
  if (failure === undefined) return new TransientKubernetesError(`${doing}: ${describe(error)}`);
  const said = failure.message === "" ? "" : `: ${failure.message}`;
  return new TransientKubernetesError(
    `${doing}: the Kubernetes API answered ${failure.code}${said}`,
    failure.retryAfterMs,
  );
}

/** Seconds or a date, as HTTP has it, in milliseconds from now and never longer than a minute. */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  if (error.name === "TimeoutError" || error.name === "AbortError") return "no answer in time";
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : "";
  return `${cause.message.slice(0, MESSAGE_LENGTH)}${code}`;
}

interface Status {
  kind: "Status";
  message?: string;
  details?: { causes?: { field?: string; message?: string }[] };
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
