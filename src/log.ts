import { type DestinationStream, type Logger, pino } from "pino";
import type { Redact } from "./secrets.ts";

export type { Logger };

/**
 * JSON on stdout, one line an event. Nothing that may hold a secret (URLs with credentials, tokens) is ever passed in.
 * @param redact the net for where it is passed in all the same
 */
export function createLogger(
  level: string,
  redact: Redact = (text) => text,
  destination: DestinationStream = pino.destination(1),
): Logger {
  return pino(
    {
      level,
      base: { service: "sentinel-rollout" },
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: redact },
    },
    destination,
  );
}
