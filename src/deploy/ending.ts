import type { Observation } from "../mysql/row.ts";
import { plainText } from "../restate/plain-text.ts";
import type { Look } from "./look.ts";

/** As many characters as deploy_error takes. */
const REASON_LIMIT = 1_024;

/** How a Deploy ended: what is written into the row. */
export type Ending =
  /** `seenMs`: when it was found converged (unix ms); absent where it served already and nothing was patched. */
  | { status: "ready"; observed: Observation; seenMs?: number }
  /** `image`: what the row is to say again; absent: it stays. */
  | { status: "failed"; reason: string; image?: string };

export interface Settlement {
  ending: Ending;
  /** What it runs or was to run, where admission has made that of the image asked for. */
  rewritten?: string | undefined;
  /** When (unix ms) it was written into the row; absent: it still is to be. */
  writtenMs?: number;
  /** There is no Deployment any more. */
  gone?: true;
  /** The Deployment has this image, which somebody else gave it. */
  moved?: string;
}

/** The reason may be in the words of whoever can write to the cluster. */
export function failed(reason: string): { ending: Ending & { status: "failed" } } {
  return { ending: { status: "failed", reason: plainText(reason, REASON_LIMIT) } };
}

export function readyAfter({ observed, atMs, writtenMs }: Look): Settlement {
  const seen = observed ?? { health: "unknown", availableReplicas: 0 };
  const ending: Ending = { status: "ready", observed: seen, seenMs: atMs };
  return writtenMs === undefined ? { ending } : { ending, writtenMs };
}
