import { LEGAL } from "./legality.ts";
import { sumOf } from "./parts.ts";
import { type Numbers, numbersOf, plural, remaining } from "./progress.ts";
import type { Drive, Failure, Operation, Phase, RolloutState } from "./state.ts";

/** What operators are answered; the edge writes it in snake_case. */
export interface View {
  state: Phase;
  rolloutId: string;
  image: string;
  /** 1-based; 0 when there is no rollout. */
  wave: number;
  waves: number;
  total: number;
  succeeded: number;
  failed: number;
  failures: Failure[];
  /** No longer running sentinels: archived or deleted since the rollout began. */
  skipped: number;
  skips: Failure[];
  /** Deploys that are under way, and sentinels whose turn has not come. */
  inFlight: number;
  waiting: number;
  next: readonly Operation[];
  message: string;
}

/**
 * @param rollout undefined before the first rollout
 * @param drive of this rollout
 */
export function viewOf(rollout: RolloutState | undefined, drive: Drive | undefined): View {
  if (rollout === undefined) {
    return { ...NOTHING, state: "idle", next: LEGAL.idle, message: "No rollout has run yet." };
  }
  const numbers = numbersOf(rollout, drive);
  const { total, succeeded, failed, skipped, inFlight, waiting } = numbers;
  return {
    state: rollout.state,
    rolloutId: rollout.rolloutId,
    image: rollout.image,
    wave: rollout.currentWave + 1,
    waves: rollout.waves.length,
    ...{ total, succeeded, failed, skipped, inFlight, waiting },
    failures: rollout.failures,
    skips: rollout.skips,
    next: LEGAL[rollout.state],
    message: sentence(rollout, numbers, drive),
  };
}

/** A rollout of nothing: there is no running sentinel. */
export function viewOfNothing(image: string): View {
  return {
    ...NOTHING,
    state: "completed",
    image,
    next: LEGAL.completed,
    message: "There is no running sentinel: nothing to roll out.",
  };
}

/**
 * What a forward drive answers whose rollout is no longer its own: operators cancelled it, and have gone on to roll it
 * back or to start another one since.
 */
export function viewOfSuperseded(last: View, since: string): View {
  return {
    ...last,
    state: "cancelled",
    next: [],
    message: `The rollout of ${last.image} was cancelled; ${since}.`,
  };
}

const NOTHING = {
  rolloutId: "",
  image: "",
  wave: 0,
  waves: 0,
  total: 0,
  succeeded: 0,
  failed: 0,
  failures: [],
  skipped: 0,
  skips: [],
  inFlight: 0,
  waiting: 0,
};

function sentence(
  rollout: RolloutState,
  { total, failed, skipped, reverted, inFlight, ...numbers }: Numbers,
  drive: Drive | undefined,
): string {
  const [wave, waves] = [rollout.currentWave + 1, rollout.waves.length];
  const took = Math.max(numbers.succeeded, sumOf(rollout, "succeeded"));
  const done = `${took} of ${plural(total, "sentinel")} took ${rollout.image}`;
  const gone = skipped === 0 ? "" : `, ${skipped} skipped as no longer running`;
  const bad = `${failed === 0 ? "" : `, ${failed} failed`}${gone}`;
  switch (rollout.state) {
    case "in_progress": {
      const { stopping } = drive?.forward ?? {};
      if (stopping === undefined) return `Wave ${wave} of ${waves} is rolling out: ${done}${bad}.`;
      return `Wave ${wave} of ${waves} launches nothing more and will be paused (${stopping}): ${done}${bad}, ${plural(inFlight, "Deploy")} in flight.`;
    }
    case "paused": {
      const left = remaining(rollout);
      const resume =
        left === 0
          ? "Resume skips the failed sentinels"
          : `Resume deploys the ${plural(left, "sentinel")} of the wave without a result, and then goes on`;
      return `Paused in wave ${wave} of ${waves} (${rollout.pauseReason}): ${done}${bad}. ${resume}, Cancel keeps things as they are, RollbackAll reverts.`;
    }
    case "completed":
      return failed === 0
        ? `Completed: ${done}${bad}.`
        : `Completed: ${done}${bad}. A new Rollout of the same image retries the failed ones.`;
    case "rolling_back":
      return drive?.rollback?.stopping === undefined
        ? `Rolling back: ${reverted} of ${plural(took, "sentinel")} reverted so far.`
        : `Rolling back: ${reverted} of ${plural(took, "sentinel")} reverted; it launches nothing more and ends (${drive.rollback.stopping}).`;
    case "cancelled": {
      const settling =
        inFlight === 0
          ? ""
          : ` ${plural(inFlight, "Deploy")} in flight ${inFlight === 1 ? "settles" : "settle"} by themselves.`;
      return reverted === 0
        ? `Cancelled: ${done}${bad}.${settling}`
        : `Cancelled and rolled back: ${reverted} of ${plural(took, "sentinel")} reverted.${settling}`;
    }
  }
}
