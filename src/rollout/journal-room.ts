import type { CountBytes } from "./state.ts";

/** The journal of one invocation has at most this many entries, and bytes. */
export const MOST_ENTRIES = 5_000;
export const MOST_BYTES = 4 * 1024 * 1024;
/** A handler stops at this share of them: the rest is for its last look. */
const SHARE = 0.5;

/** Counts what a handler has journalled. It counts only values of the journal, so a replay comes to the same. */
export class JournalRoom {
  #entries = 0;
  #bytes = 0;

  /** @param values what these entries carry, where it can be much */
  add(entries: number, ...values: unknown[]): void {
    this.#entries += entries;
    for (const value of values) this.#bytes += Buffer.byteLength(JSON.stringify(value) ?? "");
  }

  /** Counts what is read of the state, and passes it on to `count`. */
  counting(count: CountBytes): CountBytes {
    return (what, bytes) => {
      this.#bytes += bytes;
      count(what, bytes);
    };
  }

  /** Another invocation has to go on. */
  get isFull(): boolean {
    return this.#entries > MOST_ENTRIES * SHARE || this.#bytes > MOST_BYTES * SHARE;
  }
}
