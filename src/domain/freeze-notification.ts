import type { Freeze } from "./freeze.ts";

/** What Slack hears of a freeze, once each. It is about no rollout; what it means for one that runs it says. */
export type FreezeNotification = { freeze: Freeze } & (
  | {
      kind: "frozen";
      comment?: string;
      /** The rollout that runs then, and whether it has waves to come. */
      running?: { rolloutId: string; image: string; wave: number; waves: number };
    }
  /** An operator has ended it. */
  | { kind: "unfrozen"; by: string; comment?: string }
  /** Its time is up. */
  | { kind: "freeze ended" }
);
