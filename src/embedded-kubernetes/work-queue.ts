import type { Clock } from "./clock.ts";

/** How long a burst of reconciliations may keep the event loop, so that requests are answered in between. */
const SLICE_MS = 5;

/** Keys to reconcile: each at most once in the queue, worked off in order, one at a time. */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #reconcile: (key: string) => void;
  readonly #ready = new Set<string>();
  readonly #later = new Map<string, { at: number; cancel: () => void }>();
  #running: NodeJS.Immediate | undefined;

  constructor(clock: Clock, reconcile: (key: string) => void) {
    this.#clock = clock;
    this.#reconcile = reconcile;
  }

  add(key: string): void {
    this.#ready.add(key);
    this.#running ??= setImmediate(() => this.#run());
  }

  /** Adds `key` once `ms` simulated milliseconds have passed; an earlier appointment of the same key stands. */
  addAfter(key: string, ms: number): void {
    const present = this.#later.get(key);
    if (present === undefined || present.at > this.#clock.now() + ms) this.#appoint(key, ms);
  }

  /** Adds `key` once `ms` simulated milliseconds have passed since it was last put off. */
  putOff(key: string, ms: number): void {
    this.#ready.delete(key);
    this.#appoint(key, ms);
  }

  close(): void {
    clearImmediate(this.#running);
    this.#ready.clear();
  }

  #appoint(key: string, ms: number): void {
    this.#later.get(key)?.cancel();
    const at = this.#clock.now() + ms;
    const cancel = this.#clock.after(ms, () => {
      this.#later.delete(key);
      this.add(key);
    });
    this.#later.set(key, { at, cancel });
  }

  #run(): void {
    const until = performance.now() + SLICE_MS;
    for (const key of this.#ready) {
      // What a reconciliation itself calls for comes before anybody else has seen its first half.
      while (this.#ready.delete(key)) this.#reconcile(key);
      if (performance.now() > until) break;
    }
    this.#running = this.#ready.size > 0 ? setImmediate(() => this.#run()) : undefined;
  }
}
