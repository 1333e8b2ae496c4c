/** Rows of one page: big enough for few round trips, small enough for a short statement. */
export const PAGE = 5_000;
/** Most values in one IN list or CASE. */
const CHUNK = 1_000;

/** Keyset paging by id; a page shorter than PAGE is the last one. */
export async function* pages<T extends { id: string }>(
  read: (after: string) => Promise<T[]>,
): AsyncIterable<T[]> {
  let after = "";
  for (;;) {
    const page = await read(after);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.id;
  }
}

export function* chunks<T>(all: T[]): Iterable<T[]> {
  for (let at = 0; at < all.length; at += CHUNK) yield all.slice(at, at + CHUNK);
}
