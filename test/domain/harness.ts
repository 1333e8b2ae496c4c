import type { Decision } from "../../src/domain/answer.ts";
import { ALL_KEYS, Book, type Write } from "../../src/domain/book.ts";
import type { Event } from "../../src/domain/event.ts";
import { apply } from "../../src/domain/rollout.ts";

/** What the K/V state of the object holds. */
export type Store = ReadonlyMap<string, unknown>;

/** All of a store at once: a decision that asks for a key that is not there is told so. */
class Loaded extends Map<string, unknown> {
  override has(): boolean {
    return true;
  }
}

/** @throws whatever the decision throws; the store is as it was then, and whatever a decision changed in place throws, too */
export function decide(store: Store, event: Event, nowMs: number): Decision {
  const loaded = new Loaded(store);
  loaded.set(ALL_KEYS, [...store.keys()]);
  return apply(new Book(loaded), event, nowMs);
}

/** The store after these writes, or after the first few of them: a change that is killed is cut short between any two. */
export function carriedOut(store: Store, writes: readonly Write[], cut = writes.length): Store {
  const after = new Map(store);
  for (const write of writes.slice(0, cut)) {
    if ("clear" in write) after.delete(write.key);
    else after.set(write.key, frozen(write.value));
  }
  return after;
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
