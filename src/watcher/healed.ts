import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../log.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";

export interface HealedOptions {
  store: Pick<SentinelStore, "healedRows">;
  /** Has the row settled; may be asked for more than once. */
  heal(id: string, updatedAtMs: number): void;
  periodMs: number;
  logger: Logger;
}

/**
 * Looks for rows that are left failed though their sentinels have come up since: late, or because somebody mended the cause.
 * The rows alone tell, for what runs is in them.
 */
export function watchHealed({ store, heal, periodMs, logger }: HealedOptions): { stop(): Promise<void> } {
  const stopped = new AbortController();
  let failing = false;

  async function look(): Promise<void> {
    try {
      for (const { id, updatedAtMs } of await store.healedRows()) heal(id, updatedAtMs ?? 0);
      failing = false;
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown error";
      if (!failing) logger.warn({ reason }, "could not look for sentinels that came up late");
      failing = true;
    }
  }

  async function loop(): Promise<void> {
    for (;;) {
      await sleep(periodMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      await look();
    }
  }

  const running = loop();
  return {
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}
