import type { Logger } from "../log.ts";

/** What is done with the objects; it keeps of them what it needs. */
export interface ReflectorHandlers<T> {
  changed(object: T): void;
  deleted(name: string): void;
  /** The names of all objects that were not deleted yet, to find out after a LIST which ones are gone. */
  known(): Iterable<string>;
  /** The first LIST is complete. */
  synced(): void;
}

/** A handler that throws must not cost the others their events. */
export function shielded<T>(
  handlers: ReflectorHandlers<T>,
  cluster: string,
  logger: Logger,
): ReflectorHandlers<T> {
  function calling(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      logger.error({ cluster, err: error }, "watch handler failed");
    }
  }
  return {
    changed: (object) => calling(() => handlers.changed(object)),
    deleted: (name) => calling(() => handlers.deleted(name)),
    known: () => handlers.known(),
    synced: () => calling(() => handlers.synced()),
  };
}
