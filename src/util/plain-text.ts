import { stripVTControlCharacters } from "node:util";

/** Line breaks, controls, and what turns text around or hides it: direction marks, zero widths. */
const UNSEEN = /[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/** What keeps a sentinel from coming up: in its pods' own words, where they have any, and then in others. */
export function because(own: string | undefined, otherwise: string): string {
  return own === undefined || otherwise.startsWith(own) ? otherwise : `${own}; ${otherwise}`;
}

/**
 * What a pod, a Deployment or an API server says, as one line that is harmless wherever it is shown: in a terminal, a
 * log, a table, a chat.
 * @param limit most characters; no character is cut in two
 */
export function plainText(text: string, limit: number): string {
  const line = stripVTControlCharacters(text).replaceAll(UNSEEN, " ").toWellFormed().trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
