import { setTimeout as delay } from "node:timers/promises";

/** At first, for what passes quickly; and what takes its time is looked for less often, as each look takes from it. */
const POLL_MS = { first: 25, later: 100 };
const AT_FIRST_MS = 1_000;

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
  const began = Date.now();
  const deadline = began + timeoutMs;
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
    await delay(Date.now() - began < AT_FIRST_MS ? POLL_MS.first : POLL_MS.later);
  }
}
