/**
 * The time of the embedded cluster. `rate` simulated seconds pass in a real one, so that a progress deadline of ten
 * minutes can be over in a moment; everything the API shows (timestamps, ages) is in simulated time.
 */
export class Clock {
  readonly #rate: number;
  readonly #epoch = Date.now();
  readonly #started = performance.now();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(rate: number) {
    if (!(rate > 0)) throw new RangeError("the clock rate must be positive");
    this.#rate = rate;
  }

  /** Simulated milliseconds since 1970. */
  now(): number {
    return this.#epoch + (performance.now() - this.#started) * this.#rate;
  }

  /** The present as Kubernetes writes it: RFC 3339 in whole seconds. */
  timestamp(): string {
    return rfc3339(this.now());
  }

  /** Runs `task` after `ms` simulated milliseconds; the result cancels it. */
  after(ms: number, task: () => void): () => void {
    return this.afterReal(ms / this.#rate, task);
  }

  /** Runs `task` after `ms` real milliseconds; the result cancels it. */
  afterReal(ms: number, task: () => void): () => void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        task();
      },
      Math.max(0, ms),
    );
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  /** Forgets everything that is still to run. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

export function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
