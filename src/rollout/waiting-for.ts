import type { Drive } from "../domain/drive-state.ts";
import type { Freeze } from "../domain/freeze.ts";
import { decisions } from "../domain/next-steps.ts";
import { flyingOf, lanesOf, numbersOf, plural, remaining } from "../domain/progress.ts";
import type { RolloutState } from "../domain/state.ts";

interface Waits {
  /** Clusters that keep their sentinels from coming up. */
  away: string[];
  /** How long (ms) a Deploy may take: after this time all that was launched before a stop has settled. */
  deployTimeoutMs: number;
  frozen: Freeze | undefined;
}

/** What a rollout waits for; empty: for nothing. */
export function waitingFor(
  rollout: RolloutState,
  drive: Drive | undefined,
  { away, deployTimeoutMs, frozen }: Waits,
): string {
  const meanwhile = away.map((text) => `; cluster ${text}`).join("");
  const settling = flyingOf(lanesOf(drive, "forward"));
  const late = `${plural(settling, "Deploy")} in flight to settle, at the latest until ${iso(rollout.sinceMs + deployTimeoutMs).slice(11, 16)}`;
  switch (rollout.state) {
    case "in_progress": {
      const place = `wave ${rollout.currentWave + 1}/${rollout.waves.length}`;
      // When it stopped is not stored, so its latest moment cannot be told.
      if (drive?.forward?.stopping !== undefined) return `${plural(settling, "Deploy")} in flight to settle`;
      if (rollout.soakUntilMs !== undefined) {
        const { all: regressed = 0 } = rollout.regressions ?? {};
        return `${place} to soak until ${iso(rollout.soakUntilMs)}, ${regressed} regressed${meanwhile}`;
      }
      const { retries } = drive?.forward ?? {};
      if (retries !== undefined)
        return `${plural(retries.total - retries.settled, "failed sentinel")} to come up again${meanwhile}`;
      if (drive?.forward !== undefined && drive.forward.openedWave !== rollout.currentWave) {
        return `${place} to begin, once its sentinels are read from MySQL${meanwhile}`;
      }
      const results = lanesOf(drive).reduce(
        (sum, lane) => sum + lane.succeeded + lane.failed + lane.skipped,
        0,
      );
      const left = remaining(rollout) - results;
      return `${plural(left, "sentinel")} of ${place} to come up${meanwhile}`;
    }
    case "paused":
      return `an operator: ${anyOf(decisions(rollout, drive, frozen))}`;
    case "rolling_back": {
      const { took, reverted } = numbersOf(rollout, drive);
      const reverting = `${plural(took - reverted, "sentinel")} to return to the previous image`;
      return `${reverting}${settling > 0 ? `, and ${late}` : ""}${meanwhile}`;
    }
    case "completed":
      return "";
    case "cancelled":
      return settling > 0 ? late : "";
  }
}

/** "Resume, Cancel or RollbackAll". */
function anyOf(operations: readonly string[]): string {
  return `${operations.slice(0, -1).join(", ")} or ${operations.at(-1)}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
