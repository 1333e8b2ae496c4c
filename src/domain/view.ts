import { LEGAL } from "./legality.ts";
import { failuresOf, plural, progressOf, skipsOf, tookImage } from "./progress.ts";
import type { Failure, Operation, Phase, RolloutState } from "./state.ts";

/** A response lists at most this many failures, and skips; the count is always the full one. */
const MOST_FAILURES = 20;

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
  next: readonly Operation[];
  message: string;
}

/** @param rollout undefined before the first rollout */
export function viewOf(rollout: RolloutState | undefined): View {
  if (rollout === undefined) {
    return { ...NOTHING, state: "idle", next: LEGAL.idle, message: "No rollout has run yet." };
  }
  const { wave, waves, total, succeeded, failed, skipped } = progressOf(rollout, rollout.startedAtMs);
  return {
    state: rollout.state,
    rolloutId: rollout.rolloutId,
    image: rollout.image,
    wave,
    waves,
    total,
    succeeded,
    failed,
    failures: failuresOf(rollout, MOST_FAILURES),
    skipped,
    skips: skipsOf(rollout, MOST_FAILURES),
    next: LEGAL[rollout.state],
    message: sentence(rollout),
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
};

function sentence(rollout: RolloutState): string {
  const { wave, waves, total, succeeded, failed, skipped } = progressOf(rollout, rollout.startedAtMs);
  const done = `${succeeded} of ${plural(total, "sentinel")} took ${rollout.image}`;
  const gone = skipped === 0 ? "" : `, ${skipped} skipped as no longer running`;
  const bad = `${failed === 0 ? "" : `, ${failed} failed`}${gone}`;
  switch (rollout.state) {
    case "in_progress":
      return `Wave ${wave} of ${waves} is rolling out: ${done}${bad}.`;
    case "paused":
      return `Paused in wave ${wave} of ${waves} (${rollout.pauseReason}): ${done}${bad}. Resume skips the failed sentinels, Cancel keeps things as they are, RollbackAll reverts.`;
    case "completed":
      return failed === 0
        ? `Completed: ${done}${bad}.`
        : `Completed: ${done}${bad}. A new Rollout of the same image retries the failed ones.`;
    case "rolling_back":
      return `Rolling back: ${rollout.revertedIds.length} of ${plural(tookImage(rollout), "sentinel")} reverted so far.`;
    case "cancelled":
      return rollout.revertedIds.length === 0
        ? `Cancelled: ${done}${bad}.`
        : `Cancelled and rolled back: ${rollout.revertedIds.length} of ${plural(tookImage(rollout), "sentinel")} reverted.`;
  }
}
