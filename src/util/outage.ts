import type { Logger } from "../log.ts";

/** Trouble that goes on is told once when it begins and once when it is over, however often it is met in between. */
export interface Outage {
  begin(fields: Record<string, unknown>): void;
  end(): void;
}

/**
 * @param words what to log at its beginning (a warning) and at its end
 * @param context fields of both lines
 */
export function createOutage(
  logger: Logger,
  words: { begins: string; ends: string },
  context: Record<string, unknown> = {},
): Outage {
  let sinceMs: number | undefined;
  return {
    begin(fields) {
      if (sinceMs !== undefined) return;
      sinceMs = Date.now();
      logger.warn({ ...context, ...fields }, words.begins);
    },
    end() {
      if (sinceMs === undefined) return;
      logger.info({ ...context, seconds: Math.round((Date.now() - sinceMs) / 1000) }, words.ends);
      sinceMs = undefined;
    },
  };
}
