/** What a client is told when a request is refused: a Kubernetes Status object as an error. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: Details | undefined;
  /** A continue token with which a list can go on, inconsistently, after 410. */
  readonly continue: string | undefined;

  constructor(
    code: number,
    reason: string | undefined,
    message: string,
    more: { details?: Details; continue?: string } = {},
  ) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.reason = reason;
    this.details = more.details;
    this.continue = more.continue;
  }
}

export interface Details {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: Cause[];
  retryAfterSeconds?: number;
}

export interface Cause {
  reason?: string;
  message: string;
  field?: string;
}

export function statusBody(error: ApiError): object {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: error.continue === undefined ? {} : { continue: error.continue },
    status: "Failure",
    message: error.message,
    ...(error.reason === undefined ? {} : { reason: error.reason }),
    ...(error.details === undefined ? {} : { details: error.details }),
    code: error.code,
  };
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

/** The one answer to every JSON Patch that cannot be applied: a failed test, a missing path, an unknown operation. */
export function unprocessablePatch(): ApiError {
  return new ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {
    details: {},
  });
}

/** 422 that names each wrong field. */
export function invalid(kind: string, group: string, name: string, causes: Cause[]): ApiError {
  const all = causes.map(({ field = "", message }) => `${field}: ${message}`);
  const list = all.length === 1 ? all[0] : `[${all.join(", ")}]`;
  const typed = group === "" ? kind : `${kind}.${group}`;
  return new ApiError(422, "Invalid", `${typed} "${name}" is invalid: ${list}`, {
    details: { name, ...(group === "" ? {} : { group }), kind, causes },
  });
}

/** 410: what the client remembers is older than what is kept. */
export function expired(message: string, token?: string): ApiError {
  return new ApiError(410, "Expired", message, token === undefined ? {} : { continue: token });
}

export function methodNotAllowed(): ApiError {
  const message = "the server does not allow this method on the requested resource";
  return new ApiError(405, "MethodNotAllowed", message, { details: {} });
}

export function unknownPath(): ApiError {
  const message = "the server could not find the requested resource";
  return new ApiError(404, "NotFound", message, { details: {} });
}
