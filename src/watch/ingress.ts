import { StatusResponse } from "../restate/schemas.ts";

const SERVICE = "hydra.v1.SentinelRolloutService";
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

/** @throws IngressError, which never names the token */
export async function readStatus(
  url: string,
  token: string | undefined,
  signal: AbortSignal,
): Promise<StatusResponse> {
  const response = await fetch(`${url.replace(/\/+$/, "")}/${SERVICE}/singleton/Status`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: "{}",
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  }).catch((error: unknown) => {
    throw new IngressError(`the ingress ${url} does not answer (${cause(error)})`, true);
  });
  const text = await response.text();
  if (response.ok) return understood(url, text);
  if (response.status === 401 || response.status === 403) {
    throw new IngressError(
      `the ingress ${url} refuses the token (${response.status}): set RESTATE_TOKEN`,
      false,
    );
  }
  if (response.status === 404) throw new IngressError(`the ingress ${url} does not know ${SERVICE}`, false);
  throw new IngressError(`the ingress ${url} answered ${response.status}`, response.status >= 500);
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
  if (error.name === "TimeoutError") return "no answer in time";
  const { cause: inner } = error;
  return inner instanceof Error && "code" in inner ? String(inner.code) : error.message;
}
