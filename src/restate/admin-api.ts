/** Where Restate's admin API is, and the token that it alone is shown. */
export interface AdminAccess {
  url: string;
  token?: string | undefined;
}

/**
 * One request: a POST of the body, or a GET where there is none. A redirect is not followed: the token is for this address.
 * @throws Error that names the status, or why there is no answer; never the token
 */
export async function askAdmin(
  { url, token }: AdminAccess,
  path: string,
  timeoutMs: number,
  body?: object,
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}${path}`, {
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  const { status } = response;
  const text = await response.text();
  if (status === 401 || status === 403) {
    const advice = token === undefined ? "wants a token: set" : "refuses the token: check";
    throw new Error(`Restate's admin API ${advice} RESTATE_ADMIN_TOKEN (${status})`);
  }
  if (status >= 300 && status < 400) {
    throw new Error(`Restate's admin API answered ${status}: a redirect, which is not followed`);
  }
  return { status, text };
}
