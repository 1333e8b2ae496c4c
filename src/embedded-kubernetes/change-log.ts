import type { Entry } from "./entry.ts";
import type { KubeObject } from "./objects.ts";

export interface Change<T extends KubeObject> {
  type: "ADDED" | "MODIFIED" | "DELETED";
  version: number;
  /** The new version, or the last one of what was deleted. */
  entry: Entry<T>;
  /** What it was before. */
  previous?: Entry<T>;
}

/** How many changes of one kind of object can be replayed to a client that comes back. */
const KEPT = 20_000;

/** The latest changes of a collection, oldest first. */
export class ChangeLog<T extends KubeObject> {
  #changes: Change<T>[] = [];
  #floor = 0;

  /** The oldest version from which everything since can still be told. */
  get floor(): number {
    return this.#floor;
  }

  append(change: Change<T>): void {
    this.#changes.push(change);
    // In batches: dropping one at a time would move the whole array with every change.
    if (this.#changes.length >= KEPT * 1.25) {
      const dropped = this.#changes.length - KEPT;
      this.#floor = this.#changes[dropped - 1]?.version ?? this.#floor;
      this.#changes = this.#changes.slice(dropped);
    }
  }

  /** The changes after `version`, which must not be below the floor. */
  since(version: number): Change<T>[] {
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.version ?? 0) <= version) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low);
  }

  /** Forgets everything up to `version`. */
  expire(version: number): void {
    this.#changes = this.since(version);
    this.#floor = Math.max(this.#floor, version);
  }
}
