/** What an error says. Anything may be thrown: what is no error says nothing that can be shown. */
export function reasonOf(error: unknown, otherwise = "unknown error"): string {
  return error instanceof Error ? error.message : otherwise;
}
