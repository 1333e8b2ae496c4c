import type { Failure } from "./state.ts";

export interface LegacyResult {
  id: string;
  failure?: string;
  skipped?: string;
  durationMs?: number;
}

/** What a drive of version 0.1 reports, under its invocation's id. */
export type LegacyReport =
  | { type: "record" | "finishWave"; drive: string; results: LegacyResult[] }
  | { type: "interrupt"; drive: string; results: LegacyResult[]; reason: string }
  | { type: "listen"; drive: string; signal: string }
  | { type: "recordReverted"; drive: string; ids: string[] }
  | {
      type: "finishRollback";
      drive: string;
      ids: string[];
      reverted: number;
      targets: number;
      failures: Failure[];
      interruption?: string;
    };

/** What the handlers of version 0.1 ask `Transition` for. */
export type LegacyEvent =
  | LegacyReport
  | { type: "begin" }
  | { type: "resume" }
  | { type: "beginRollback" }
  | { type: "cancel" }
  | { type: "abandon"; drive: string; reason: string };

/** What such a drive is to do next. */
export interface LegacyOrder {
  wave?: { number: number; of: number; image: string; ids: string[] };
  scope?: {
    image: string;
    recorded: { id: string; image: string }[];
    unrecorded: { id: string; image: string }[];
    settled: boolean;
  };
}
