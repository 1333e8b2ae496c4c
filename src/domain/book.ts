/** Thrown by a Book that was not given a key's value: the caller loads it and decides again. */
export class MissingError extends Error {
  readonly keys: string[];
  constructor(keys: string[]) {
    super(`not loaded: ${keys.join(", ")}`);
    this.name = "MissingError";
    this.keys = keys;
  }
}

export type Write = { key: string; value: unknown } | { key: string; clear: true };

/** Asks for the list of keys instead of a value. */
export const ALL_KEYS = "*";

/**
 * The object's K/V state as one decision sees it. Reading what was not loaded throws, so that a decision needs only what
 * it touches, however large the fleet. Writes are kept in the order in which they are to be made.
 */
export class Book {
  readonly #loaded: Map<string, unknown>;
  readonly #changed = new Map<string, unknown>();
  readonly #cleared = new Set<string>();

  /** @param loaded values by key; null or undefined: the key has none */
  constructor(loaded: Map<string, unknown>) {
    this.#loaded = loaded;
  }

  /** @throws MissingError */
  get<T>(key: string): T | undefined {
    return this.all<T>([key])[0];
  }

  /** Has all of them loaded together. @throws MissingError with those that are not */
  need(keys: readonly string[]): void {
    const missing = keys.filter((key) => !this.#changed.has(key) && !this.#loaded.has(key));
    if (missing.length > 0) throw new MissingError(missing);
  }

  /** @throws MissingError */
  all<T>(keys: readonly string[]): (T | undefined)[] {
    this.need(keys);
    return keys.map((key) => {
      if (this.#cleared.has(key)) return undefined;
      const value = this.#changed.has(key) ? this.#changed.get(key) : this.#loaded.get(key);
      return (value ?? undefined) as T | undefined;
    });
  }

  /** All keys that the state has. @throws MissingError */
  keys(): string[] {
    const keys = this.#loaded.get(ALL_KEYS);
    if (keys === undefined) throw new MissingError([ALL_KEYS]);
    return keys as string[];
  }

  set(key: string, value: unknown): void {
    this.#changed.set(key, value);
    this.#cleared.delete(key);
  }

  clear(key: string): void {
    this.#changed.set(key, undefined);
    this.#cleared.add(key);
  }

  /** Nothing that was written so far is to be kept. */
  discard(): void {
    this.#changed.clear();
    this.#cleared.clear();
  }

  /** In the order of their ranks: a change can be cut short between any two of them. */
  writes(rank: (write: Write) => number): Write[] {
    const all = [...this.#changed].map(
      ([key, value]): Write => (this.#cleared.has(key) ? { key, clear: true } : { key, value }),
    );
    return all.sort((a, b) => rank(a) - rank(b));
  }
}
