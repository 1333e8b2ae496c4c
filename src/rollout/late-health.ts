import { setTimeout as delay } from "node:timers/promises";
import type { Health } from "../watcher/health.ts";

/** Until the watcher of this process has begun, it asks again after this time (ms). */
const SOON_MS = 200;

/**
 * What the watcher sees, also for handlers that run before it has begun: until then nothing is seen.
 * @param clusters their names
 */
export function lateHealth(source: () => Health | undefined, clusters: readonly string[]): Health {
  const blind = () => {
    const nobody = { total: 0, unhealthy: 0 };
    return { updated: nobody, notUpdated: nobody, regions: {}, unseen: [...clusters] };
  };
  return {
    survey: (of) => source()?.survey(of) ?? blind(),
    suspects: (of) => source()?.suspects(of) ?? [],
    async news(of, told, timeoutMs, signal) {
      if (source() === undefined) await delay(SOON_MS);
      return (
        (await source()?.news(of, told, timeoutMs, signal)) ?? {
          regressed: [],
          recovered: [],
          survey: blind(),
        }
      );
    },
    confirm: async (of, suspects) =>
      (await source()?.confirm(of, suspects)) ?? {
        regressed: [],
        recovered: [],
        unread: suspects.map(({ id }) => id),
      },
  };
}
