/** So many characters of a reason are kept in a part. */
export const WHY_LIMIT = 200;
/** A cut takes no more than it has to; it may keep a character whole, and end in an ellipsis. */
const LEAST = WHY_LIMIT - 10;

/** Whether a part's `why` says what the reason does: all of it, or what of it there is room for. */
export function isCutOf(why: string | undefined, reason: string | null): boolean {
  if (why === undefined || reason === null) return false;
  if (why === reason) return true;
  const isCut = why.length >= LEAST && why.length <= WHY_LIMIT && reason.length >= WHY_LIMIT;
  return isCut && reason.startsWith(why.replace(/…$/, "").trimEnd());
}
