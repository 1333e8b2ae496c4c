import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 25;

/**
 * Polls until `look` finds something (anything but undefined and false) and resolves to it. A rejection counts as
 * nothing found yet.
 * @throws Error that says what did not happen, with the last rejection as its cause
 */
export async function until<T>(
  what: string,
  look: () => Promise<T> | T,
  timeoutMs = 30_000,
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`, { cause });
    await delay(POLL_MS);
  }
}
