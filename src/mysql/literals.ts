/** What the driver puts into a statement as it is. */
interface Spelled {
  toSqlString(): string;
}

/** What the driver escapes with a backslash or by doubling: a server may take the backslash for itself (NO_BACKSLASH_ESCAPES). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
const ESCAPED = /[\0\b\t\n\r\x1a"'\\]/;

/**
 * Spells a value so that it means the same under every sql_mode, which may change at any time: a text that would have to be
 * escaped is spelled in hexadecimal digits.
 */
export function unambiguous(value: unknown): unknown {
  return typeof value === "string" && ESCAPED.test(value) ? spelled(value) : value;
}

function spelled(text: string): Spelled {
  return { toSqlString: () => `_utf8mb4 x'${Buffer.from(text, "utf8").toString("hex")}'` };
}

/** Cut to its column; an emoji that is cut in two must not make it an invalid text. */
export function fitting(text: string | undefined, length: number): string | null {
  return text === undefined ? null : text.slice(0, length).toWellFormed();
}
