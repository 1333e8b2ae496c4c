import { Agent, fetch } from "undici";

/** An answer of the ingress: a handler's result, or Restate's error with `code` and `message`. */
export interface Answer<T> {
  status: number;
  body: T;
}

/** A rollout answers when it is over: nothing here may give up while it waits. */
const patient = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

/**
 * POSTs JSON to a handler, like `hydra.v1.SentinelRolloutService/singleton/Rollout`.
 * @param body a string is sent as it is
 */
export async function call<T = unknown>(
  ingress: string,
  path: string,
  body: unknown = {},
  options: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Answer<T>> {
  const response = await fetch(`${ingress}/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...options.headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    dispatcher: patient,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const text = await response.text();
  return { status: response.status, body: parse(text) as T };
}

/** Sends to a handler without waiting for it. Resolves to the invocation's id. */
export async function send(ingress: string, path: string, body: unknown = {}): Promise<string> {
  const { status, body: answer } = await call<{ invocationId: string }>(ingress, `${path}/send`, body);
  if (status !== 202) throw new Error(`${path}/send answered ${status}: ${JSON.stringify(answer)}`);
  return answer.invocationId;
}

/** Runs SQL on Restate's introspection tables. */
export async function query<Row>(admin: string, sql: string): Promise<Row[]> {
  const response = await fetch(`${admin}/query`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ query: sql }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Restate refused the query: ${text}`);
  return (JSON.parse(text) as { rows: Row[] }).rows;
}

/** A K/V state value of an object; undefined when it has none under that name. */
export async function readState<T>(
  admin: string,
  service: string,
  key: string,
  name: string,
): Promise<T | undefined> {
  const [row] = await query<{ value: string }>(
    admin,
    `SELECT value_utf8 AS value FROM state WHERE service_name = '${service}' AND service_key = '${key}' AND key = '${name}'`,
  );
  return row === undefined ? undefined : (JSON.parse(row.value) as T);
}

/** Invocations that have not ended; but not what watches a paused rollout, nor the end of a soak that was interrupted. */
export async function countRunning(admin: string): Promise<number> {
  const [row] = await query<{ n: number }>(
    admin,
    "SELECT count(*) AS n FROM sys_invocation WHERE status <> 'completed' AND target_handler_name NOT IN ('WatchHealth', 'EndSoak')",
  );
  return row?.n ?? 0;
}

/** What the UI's buttons do: `cancel` lets the handler clean up, `kill` does not. */
export async function endInvocation(admin: string, id: string, how: "cancel" | "kill"): Promise<void> {
  const response = await fetch(`${admin}/invocations/${id}/${how}`, { method: "PATCH" });
  const text = await response.text();
  if (!response.ok) throw new Error(`Restate could not ${how} ${id}: ${text}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
