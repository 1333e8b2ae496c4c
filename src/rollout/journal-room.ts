import type { CountBytes } from "./state.ts";

/** What the journal of one invocation may come to: entries, and bytes. */
export const MOST_ENTRIES = 5_000;
export const MOST_BYTES = 4 * 1024 * 1024;
/** The other half is for what the last look still does. */
const SHARE = 0.5;

/** What a handler has journalled so far, as it counts it itself: by values of the journal alone, so a replay counts the same. */
export class JournalRoom {
  #entries = 0;
  #bytes = 0;

  /** @param values what these entries carry, where it can be much */
  add(entries: number, ...values: unknown[]): void {
    this.#entries += entries;
    for (const value of values) this.#bytes += Buffer.byteLength(JSON.stringify(value) ?? "");
  }

  /** Counts what is read of the state, and has it counted there, too. */
  counting(count: CountBytes): CountBytes {
    return (what, bytes) => {
      this.#bytes += bytes;
      count(what, bytes);
    };
  }

  /** Somebody else is to go on. */
  get isFull(): boolean {
    return this.#entries > MOST_ENTRIES * SHARE || this.#bytes > MOST_BYTES * SHARE;
  }
}
