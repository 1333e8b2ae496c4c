import type { KubeObject } from "./objects.ts";

/** One version of an object, serialised at most once however many lists and watchers it is sent to. */
export class Entry<T extends KubeObject> {
  readonly key: string;
  readonly object: T;
  #json: Buffer | undefined;

  constructor(key: string, object: T) {
    this.key = key;
    this.object = object;
  }

  /** Without `kind` and `apiVersion`: the items of a list have none. */
  json(): Buffer {
    this.#json ??= Buffer.from(JSON.stringify(this.object));
    return this.#json;
  }
}
