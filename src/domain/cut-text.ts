/** A part keeps at most this many characters of a reason; the full one is in the row and in the history. */
export const WHY_LENGTH = 200;
/** It keeps at most this many bytes of JSON: 400 of them, with the longest ids and images, stay below 256 KiB. */
const WHY_BYTES = 270;
/** It keeps fewer bytes where the time of a regression stands beside the reason. */
const WHY_REGRESSED_BYTES = 190;
/** The head keeps at most this many failures, and as many skips. */
export const KEPT_FAILURES = 20;
/** A reason in the head takes at most this many bytes of JSON. */
const REASON_BYTES = 400;

/** Cut by characters; an emoji that is cut in two must not make it an invalid text. */
export function cutText(text: string, length: number): string {
  return text.length <= length
    ? text
    : `${text
        .slice(0, length - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, "")}…`;
}

/** Cuts a text so that its JSON takes at most `bytes`, also with characters of several bytes. */
function cutBytes(text: string, length: number, bytes: number): string {
  let cut = cutText(text, length);
  const encoder = new TextEncoder();
  while (encoder.encode(JSON.stringify(cut)).length > bytes) cut = cutText(cut, Math.floor(cut.length * 0.9));
  return cut;
}

export function cutForHead(text: string): string {
  return cutBytes(text, REASON_BYTES, REASON_BYTES);
}

export function cutForPart(text: string): string {
  return cutBytes(text, WHY_LENGTH, WHY_BYTES);
}

export function cutForRegressed(text: string): string {
  return cutBytes(text, WHY_LENGTH, WHY_REGRESSED_BYTES);
}
