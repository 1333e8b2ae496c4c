import { type Logger, pino } from "pino";

export type { Logger };

/** JSON on stdout, one line an event. Nothing that may hold a secret (URLs with credentials, tokens) is ever passed in. */
export function createLogger(level: string): Logger {
  return pino({ level, base: { service: "sentinel-rollout" }, timestamp: pino.stdTimeFunctions.isoTime });
}
