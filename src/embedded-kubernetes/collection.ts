import { randomUUID } from "node:crypto";
import { type Change, ChangeLog } from "./change-log.ts";
import type { Clock } from "./clock.ts";
import { Entry } from "./entry.ts";
import type { Draft, KubeObject } from "./objects.ts";
import { alreadyExists, type Resource } from "./resources.ts";
import { type Selection, selects } from "./selectors.ts";
import { insertSorted, lowerBound, removeSorted } from "./sorted.ts";

/** One counter for all collections, as in the real store. */
export interface Versions {
  current: number;
}

export interface Page<T extends KubeObject> {
  entries: Entry<T>[];
  /** The key after which the next page starts; absent on the last one. */
  next?: string;
  /** How many objects follow; only known where nothing is filtered out. */
  remaining?: number;
}

/** All objects of one kind: current state, the latest changes, and who wants to hear of new ones. */
export class Collection<T extends KubeObject> {
  readonly resource: Resource;
  readonly log = new ChangeLog<T>();
  readonly #clock: Clock;
  readonly #versions: Versions;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #keys: string[] = [];
  readonly #owned = new Map<string, Set<string>>();
  readonly #labelled = new Map<string, Set<string>>();
  readonly #listeners = new Set<(change: Change<T>) => void>();

  constructor(resource: Resource, clock: Clock, versions: Versions) {
    this.resource = resource;
    this.#clock = clock;
    this.#versions = versions;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.object;
  }

  entry(key: string): Entry<T> | undefined {
    return this.#entries.get(key);
  }

  /** The objects whose controlling owner has this uid. */
  ownedBy(uid: string): T[] {
    const owned: T[] = [];
    for (const key of this.#owned.get(uid) ?? []) {
      const object = this.get(key);
      if (object !== undefined) owned.push(object);
    }
    return owned;
  }

  /** @throws ApiError 409 when the name is taken */
  create(draft: Draft<T>): T {
    const key = keyOf(draft.metadata);
    if (this.#entries.has(key)) throw alreadyExists(this.resource, draft.metadata.name);
    const { name, generateName, namespace, ...rest } = draft.metadata;
    const metadata = {
      name,
      ...(generateName === undefined ? {} : { generateName }),
      ...(namespace === undefined ? {} : { namespace }),
      uid: randomUUID(),
      resourceVersion: String(++this.#versions.current),
      creationTimestamp: this.#clock.timestamp(),
      ...rest,
    };
    // The draft is everything of T but for the metadata completed here.
    const object = { metadata, ...withoutMetadata(draft) } as unknown as T;
    const entry = new Entry(key, object);
    this.#entries.set(key, entry);
    insertSorted(this.#keys, key);
    this.#index(entry);
    this.#changed({ type: "ADDED", version: this.#versions.current, entry });
    return object;
  }

  /** Writes a new version of an object that exists. */
  update(object: T): T {
    const key = keyOf(object.metadata);
    const previous = this.#entries.get(key);
    if (previous === undefined) throw new Error(`no ${this.resource.singular} ${key}`);
    const next = versioned(object, ++this.#versions.current);
    const entry = new Entry(key, next);
    this.#entries.set(key, entry);
    if (previous.object.metadata.labels !== next.metadata.labels) {
      this.#unindex(previous);
      this.#index(entry);
    }
    this.#changed({ type: "MODIFIED", version: this.#versions.current, entry, previous });
    return next;
  }

  delete(key: string): void {
    const previous = this.#entries.get(key);
    if (previous === undefined) return;
    this.#entries.delete(key);
    removeSorted(this.#keys, key);
    this.#unindex(previous);
    const entry = new Entry(key, versioned(previous.object, ++this.#versions.current));
    this.#changed({ type: "DELETED", version: this.#versions.current, entry, previous });
  }

  listen(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The selected objects in order of their keys, as they were at `version`, which must not be below the log's floor. */
  list(selection: Selection, version: number, page: { after?: string; limit?: number } = {}): Page<T> {
    const past = this.#past(version);
    const keys = past.size === 0 ? this.#candidates(selection) : this.#keysWith(past);
    const { start, end } = range(keys, selection.namespace, page.after);
    const entries: Entry<T>[] = [];
    for (let at = start; at < end && entries.length !== page.limit; at++) {
      const key = keys[at] ?? "";
      const entry = past.has(key) ? past.get(key) : this.#entries.get(key);
      if (entry !== undefined && selects(selection, entry.object)) entries.push(entry);
    }
    const last = entries.at(-1)?.key;
    if (entries.length !== page.limit || last === undefined) return { entries };
    // Like the real store it does not look whether what follows is selected: the last page may be empty.
    const all = past.size === 0 ? this.#keys : keys;
    const rest = range(all, selection.namespace, last);
    const remaining = rest.end - rest.start;
    if (remaining === 0) return { entries };
    const unfiltered = selection.labels.length === 0 && selection.fields.length === 0;
    return { entries, next: last, ...(unfiltered ? { remaining } : {}) };
  }

  /** What was different at `version`: the entry of then, or undefined where there was none. */
  #past(version: number): Map<string, Entry<T> | undefined> {
    const past = new Map<string, Entry<T> | undefined>();
    for (const { entry, previous } of this.log.since(version).reverse()) past.set(entry.key, previous);
    return past;
  }

  #keysWith(past: Map<string, Entry<T> | undefined>): string[] {
    const gone = [...past].filter(([key, entry]) => entry !== undefined && !this.#entries.has(key));
    const present = this.#keys.filter((key) => !past.has(key) || past.get(key) !== undefined);
    return [...present, ...gone.map(([key]) => key)].sort();
  }

  /** A short list where a name or a label narrows it down; otherwise all keys. */
  #candidates({ namespace, labels, fields }: Selection): readonly string[] {
    const name = fields.find(({ path, negated }) => path === "metadata.name" && !negated)?.value;
    if (name !== undefined && (namespace !== undefined || !this.resource.namespaced)) {
      return [keyOf(namespace === undefined ? { name } : { name, namespace })];
    }
    let fewest: Set<string> | undefined;
    for (const { key, operator, values } of labels) {
      if (operator !== "in" || values.length !== 1) continue;
      const found = this.#labelled.get(`${key}=${values[0]}`) ?? new Set();
      if (fewest === undefined || found.size < fewest.size) fewest = found;
    }
    // Sorting a long list costs more than looking at all.
    return fewest === undefined || fewest.size > 200 ? this.#keys : [...fewest].sort();
  }

  #index(entry: Entry<T>): void {
    for (const [index, name] of this.#memberships(entry)) {
      const members = index.get(name);
      if (members === undefined) index.set(name, new Set([entry.key]));
      else members.add(entry.key);
    }
  }

  #unindex(entry: Entry<T>): void {
    for (const [index, name] of this.#memberships(entry)) {
      const members = index.get(name);
      members?.delete(entry.key);
      if (members?.size === 0) index.delete(name);
    }
  }

  #memberships(entry: Entry<T>): [Map<string, Set<string>>, string][] {
    const { labels, ownerReferences } = entry.object.metadata;
    const owners = (ownerReferences ?? []).filter((owner) => owner.controller);
    return [
      ...owners.map((owner): [Map<string, Set<string>>, string] => [this.#owned, owner.uid]),
      ...Object.entries(labels ?? {}).map(([key, value]): [Map<string, Set<string>>, string] => [
        this.#labelled,
        `${key}=${value}`,
      ]),
    ];
  }

  #changed(change: Change<T>): void {
    this.log.append(change);
    for (const listener of this.#listeners) listener(change);
  }
}

/** `namespace/name`, or the name alone. */
export function keyOf(metadata: { name: string; namespace?: string }): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

function versioned<T extends KubeObject>(object: T, version: number): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}

function withoutMetadata(draft: { metadata: object }): object {
  const { metadata: _, ...rest } = draft;
  return rest;
}

/** The part of sorted `keys` that lies in the namespace and after the key `after`. */
function range(keys: readonly string[], namespace?: string, after?: string): { start: number; end: number } {
  // "0" follows "/" in ASCII: every key of the namespace lies between the two.
  const from = namespace === undefined ? "" : `${namespace}/`;
  const start = lowerBound(keys, after === undefined || after < from ? from : `${after}\0`);
  return { start, end: namespace === undefined ? keys.length : lowerBound(keys, `${namespace}0`) };
}
