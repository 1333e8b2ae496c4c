import { StatusResponse } from "../restate/rollout-schemas.ts";

const SERVICE = "hydra.v1.SentinelRolloutService";
export const ROLLOUT = `${SERVICE}/singleton`;
const TIMEOUT_MS = 10_000;

/** Why `Status` could not be had, in one line. `passing`: the same call may succeed later. */
export class IngressError extends Error {
  readonly passing: boolean;
  constructor(message: string, passing: boolean) {
    super(message);
    this.name = "IngressError";
    this.passing = passing;
  }
}

/**
 * What `fetch` would refuse with a message that quotes the secret.
 * @throws IngressError, which never names the token
 */
export function checkIngress(url: string, token: string | undefined): void {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new IngressError("which ingress? Give its http(s) URL, or set RESTATE_URL.", false);
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new IngressError("the ingress URL must have no user or password: set RESTATE_TOKEN", false);
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new IngressError("RESTATE_TOKEN must be one word of ASCII characters", false);
  }
}

/** An ingress that `checkIngress` has let through. */
export interface Ingress {
  url: string;
  token: string | undefined;
}

/**
 * @param detail also what the rollout waits for, where the service can tell
 * @throws IngressError, which never names the token
 */
export async function readStatus(
  ingress: Ingress,
  signal: AbortSignal,
  detail = false,
): Promise<StatusResponse> {
  const { url, token } = ingress;
  const path = `${ROLLOUT}/Status`;
  const { status, text } = await ask(ingress, path, { body: detail ? { detail } : {} }, signal);
  if (status === 200) return understood(url, text);
  // A service of an earlier version does not know the field.
  if (status === 400 && detail) return readStatus(ingress, signal);
  if (status === 401 || status === 403) {
    const advice = token === undefined ? "wants a token: set" : "refuses the token: check";
    throw new IngressError(`the ingress ${url} ${advice} RESTATE_TOKEN (${status})`, false);
  }
  if (status === 404) throw new IngressError(`the ingress ${url} does not know ${SERVICE}`, false);
  throw new IngressError(`the ingress ${url} answered ${status}`, status >= 500 || status === 429);
}

/**
 * One request: a POST of the body, or a GET where there is none.
 * @throws IngressError when there is no answer
 */
export async function ask(
  { url, token }: Ingress,
  path: string,
  { body, headers = {} }: { body?: object; headers?: Record<string, string> },
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(`${url.replace(/\/+$/, "")}/${path}`, {
      headers: {
        ...headers,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw new IngressError(`the ingress ${url} does not answer (${cause(error)})`, true);
  }
}

function understood(url: string, text: string): StatusResponse {
  try {
    return StatusResponse.parse(JSON.parse(text));
  } catch {
    throw new IngressError(`what answers at ${url} is not ${SERVICE}`, false);
  }
}

function cause(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  if (error.name === "TimeoutError") return `nothing within ${TIMEOUT_MS / 1000} s`;
  const { cause: inner } = error;
  return inner instanceof Error && "code" in inner ? String(inner.code) : error.message;
}
