/**
 * Reads the header Retry-After, which is in seconds or a date.
 * @param longestMs what more is asked for is cut to
 * @returns milliseconds from now; undefined: nothing that can be read is asked for
 */
export function retryAfterMs(header: string | null | undefined, longestMs: number): number | undefined {
  const text = header?.trim() ?? "";
  if (text === "") return undefined;
  const ms = Number.isNaN(Number(text)) ? Date.parse(text) - Date.now() : Number(text) * 1_000;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestMs);
}
