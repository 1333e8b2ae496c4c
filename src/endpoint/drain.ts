import type { HooksProvider } from "@restatedev/restate-sdk";

/** How long (ms) no step may have run for all of their results to be with Restate. */
const QUIET_MS = 500;

/** Knows which steps of handlers run in this process, so that it can stop between them. */
export interface Drain {
  hook: HooksProvider;
  /** From the first call of `quiet` on no new attempt is to be taken. */
  readonly draining: boolean;
  /** Resolves when no step runs and what the last ones found has been told, after `graceMs` whatever runs. */
  quiet(graceMs: number): Promise<void>;
}

export function createDrain(quietMs = QUIET_MS): Drain {
  let running = 0;
  let draining = false;
  let changed: () => void = () => undefined;
  return {
    hook: () => ({
      interceptor: {
        async run(_, next) {
          running++;
          changed();
          try {
            await next();
          } finally {
            running--;
            changed();
          }
        },
      },
    }),
    get draining() {
      return draining;
    },
    async quiet(graceMs) {
      draining = true;
      const { promise, resolve } = Promise.withResolvers<void>();
      const overdue = setTimeout(resolve, graceMs);
      let still: NodeJS.Timeout | undefined;
      changed = () => {
        clearTimeout(still);
        if (running === 0) still = setTimeout(resolve, quietMs);
      };
      changed();
      await promise;
      clearTimeout(overdue);
      clearTimeout(still);
      changed = () => undefined;
    },
  };
}
