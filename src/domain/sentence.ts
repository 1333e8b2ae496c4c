import { sumOf } from "./counts.ts";
import type { Drive } from "./drive-state.ts";
import { type Freeze, frozenBy } from "./freeze.ts";
import {
  resumeScope,
  rollbackScope,
  settleByThemselves,
  whatResumeDoes,
  whatRollbackDoes,
} from "./next-steps.ts";
import { type Numbers, plural } from "./progress.ts";
import { clock, span } from "./spans.ts";
import type { RolloutState } from "./state.ts";

/** How a rollout stands, in sentences for a person. */

/** What Cancel does with a paused rollout. */
export const KEEPS = "stop here and keep the new image where it came up";

function stayInAll({ stay = 0, stayFailed = 0, revertsFailed, takenOver }: RolloutState): number {
  return stay + (takenOver?.stay ?? 0) + (revertsFailed ? stayFailed : 0);
}

/** Another rollback would not help these. */
function staying(rollout: RolloutState): string {
  const stay = stayInAll(rollout);
  return stay === 0 ? "" : `, ${stay} no longer running or on another image since`;
}

function ofEarlier({ takenOver, countsTakenOver }: RolloutState): string {
  const { size = 0, leftOver = 0, leftOverReverted = 0 } = takenOver ?? {};
  const all = size + leftOver + leftOverReverted;
  return all === 0 || !countsTakenOver ? "" : `; ${all} of them an earlier rollout of this image deployed`;
}

/** What a freeze means for the rollout as it stands. */
export function freezeNote(
  freeze: Freeze,
  rollout: RolloutState | undefined,
  drive: Drive | undefined,
): string {
  const needs = "needs override_freeze and a comment, or Unfreeze first";
  const by = frozenBy(freeze);
  if (rollout?.pauseReason === by) return ` While it is frozen, Resume or RetryFailed ${needs}.`;
  const said = ` ${by[0]?.toUpperCase()}${by.slice(1)}`;
  switch (rollout?.state) {
    case "in_progress": {
      if (drive?.forward?.overrides === freeze.id) return `${said}; this rollout goes on in spite of it.`;
      const last = rollout.currentWave + 1 >= rollout.waves.length;
      const end = rollout.soakUntilMs === undefined ? "this wave" : "its soak";
      return last ? `${said}; this wave is the last.` : `${said}; it is paused at the end of ${end}.`;
    }
    case "paused":
      return `${said}; Resume ${needs}.`;
    case "rolling_back":
      return `${said}; a rollback goes on.`;
    default:
      return `${said}; a Rollout ${needs}.`;
  }
}

/** Where it paused is said already. */
function withoutPlace(reason: string): string {
  return reason.replace(/^wave \d+\/\d+: /, "");
}

/** Undefined: it does not soak. */
function soaks({ soakUntilMs }: RolloutState): string | undefined {
  return soakUntilMs === undefined ? undefined : `soaks until ${clock(soakUntilMs)}`;
}

/** Resume goes on with it. */
function soakLeft({ soakLeftMs = 0 }: RolloutState): string {
  return soakLeftMs === 0 ? "" : `, with ${span(soakLeftMs)} of its soak left`;
}

/** They are still among those that took the image. */
function regressed({ regressions }: RolloutState): string {
  const { all = 0, recovered = 0 } = regressions ?? {};
  if (all === 0) return "";
  return `, ${all} regressed${recovered === 0 ? "" : ` (${recovered === all ? "all" : recovered} recovered)`}`;
}

export function sentence(
  rollout: RolloutState,
  { total, took, failed, skipped, reverted, inFlight }: Numbers,
  drive: Drive | undefined,
): string {
  const [wave, waves] = [rollout.currentWave + 1, rollout.waves.length];
  const done = `${took} of ${plural(total, "sentinel")} took ${rollout.image}`;
  const gone = skipped === 0 ? "" : `, ${skipped} skipped as no longer running`;
  const bad = `${failed === 0 ? "" : `, ${failed} failed`}${gone}${regressed(rollout)}`;
  const earlier = ofEarlier(rollout);
  switch (rollout.state) {
    case "in_progress": {
      const { stopping } = drive?.forward ?? {};
      const { retries } = drive?.forward ?? {};
      const does =
        retries === undefined
          ? "is rolling out"
          : `deploys ${plural(retries.total, "failed sentinel")} again, ${retries.settled} of them done`;
      if (stopping === undefined) return `Wave ${wave} of ${waves} ${soaks(rollout) ?? does}: ${done}${bad}.`;
      return `Wave ${wave} of ${waves} launches nothing more and will be paused: ${stopping}. ${done}${bad}, ${plural(inFlight, "Deploy")} in flight.`;
    }
    case "paused": {
      const resume = whatResumeDoes({ wave, waves, failed }, resumeScope(rollout));
      const again = sumOf(rollout, "failed");
      const retry = again === 0 ? "" : ` RetryFailed: deploy the ${again} failed again.`;
      const revert = whatRollbackDoes(rollbackScope(rollout, drive));
      const rollback = revert === undefined ? "" : ` RollbackAll: revert ${revert}.`;
      const itself = rollout.rollsBack
        ? " RollbackAll follows by itself (on_failure); if it does not begin at once, call it."
        : "";
      return `Paused in wave ${wave} of ${waves}${soakLeft(rollout)}: ${withoutPlace(rollout.pauseReason)}. ${done}${bad}.${itself} Resume: ${resume}.${retry} Cancel: ${KEEPS}.${rollback}`;
    }
    case "completed":
      return failed === 0
        ? `Completed: ${done}${bad}.`
        : `Completed: ${done}${bad}. A new Rollout of the same image retries the failed ones.`;
    case "rolling_back":
      return drive?.rollback?.stopping === undefined
        ? `Rolling back: ${reverted} of ${plural(took, "sentinel")} reverted so far${earlier}.`
        : `Rolling back: ${reverted} of ${plural(took, "sentinel")} reverted${earlier}; it launches nothing more and ends: ${drive.rollback.stopping}.`;
    case "cancelled": {
      const settling = inFlight === 0 ? "" : ` ${settleByThemselves(inFlight)}.`;
      return reverted === 0 && stayInAll(rollout) === 0
        ? `Cancelled: ${done}${bad}.${settling}`
        : `Cancelled and rolled back: ${reverted} of ${plural(took, "sentinel")} reverted${staying(rollout)}${earlier}.${settling}`;
    }
  }
}
