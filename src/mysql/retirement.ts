/** Which connections of a pool are not to be used again: the server that they lead to may be the primary no longer. */
export interface Retirement {
  /** A connection was made. */
  opened(connection: object): void;
  isRetired(connection: object): boolean;
  /** All that were opened until now. */
  retireAll(): void;
}

/** @param lifetimeMs age at which a connection is retired, even if its server is well */
export function createRetirement(lifetimeMs: number): Retirement {
  const openedMs = new WeakMap<object, number>();
  let retiredMs = Number.NEGATIVE_INFINITY;
  return {
    opened(connection) {
      openedMs.set(connection, performance.now());
    },
    isRetired(connection) {
      const since = openedMs.get(connection) ?? Number.NEGATIVE_INFINITY;
      return since <= retiredMs || performance.now() - since >= lifetimeMs;
    },
    retireAll() {
      retiredMs = performance.now();
    },
  };
}
