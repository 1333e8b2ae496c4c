/** Rows of one page: big enough for few round trips, small enough for a short statement. */
export const PAGE = 5_000;
/** Most values in one IN list or CASE. */
const CHUNK = 1_000;

/** Keyset paging by id from `after` on; a page shorter than `size` is the last one. */
export async function* pages<T extends { id: string }>(
  read: (after: string) => Promise<T[]>,
  { after = "", size = PAGE }: { after?: string; size?: number } = {},
): AsyncIterable<T[]> {
  for (let from = after; ; ) {
    const page = await read(from);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < size) return;
    from = last.id;
  }
}

export function* chunks<T>(all: T[]): Iterable<T[]> {
  for (let at = 0; at < all.length; at += CHUNK) yield all.slice(at, at + CHUNK);
}
