import type { Drive } from "./drive-state.ts";
import { flyingOf, lanesOf } from "./progress.ts";
import type { RolloutState } from "./state.ts";

/** What a rollout does now, in finer words than its state. */
export const PHASES = [
  ...(["idle", "deploying", "soaking", "retrying", "pausing", "paused"] as const),
  ...(["rolling_back", "settling", "cancelled", "completed"] as const),
] as const;
export type Phase = (typeof PHASES)[number];

/** @param drive of this rollout */
export function phaseOf(rollout: RolloutState | undefined, drive: Drive | undefined): Phase {
  if (rollout === undefined) return "idle";
  switch (rollout.state) {
    case "in_progress":
      if (drive?.forward?.stopping !== undefined) return "pausing";
      if (rollout.soakUntilMs !== undefined) return "soaking";
      return drive?.forward?.retries === undefined ? "deploying" : "retrying";
    case "cancelled":
      return flyingOf(lanesOf(drive, "forward")) > 0 ? "settling" : "cancelled";
    default:
      return rollout.state;
  }
}
