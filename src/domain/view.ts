import type { Drive } from "./drive-state.ts";
import { type Freeze, frozenBy } from "./freeze.ts";
import { LEGAL } from "./legality.ts";
import {
  offered,
  resumeScope,
  rollbackScope,
  settleByThemselves,
  whatResumeDoes,
  whatRollbackDoes,
} from "./next-steps.ts";
import { sumOf } from "./parts.ts";
import { type Phase, phaseOf } from "./phase.ts";
import { type Numbers, numbersOf, plural, remaining } from "./progress.ts";
import type { Failure, PauseKind, RolloutState, State, Verb } from "./state.ts";
import { earlierLeft, takenOverNote } from "./taken-over.ts";

/** What operators are answered; the edge writes it in snake_case. */
export interface View {
  state: State;
  phase: Phase;
  /** Absent unless it is paused. */
  pauseKind?: PauseKind;
  /** Paused: sentinels of its wave without a result, which a Resume deploys first. */
  neverAttempted: number;
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
  /** Since when the state is what it is (unix ms); absent where that is not known. */
  sinceMs?: number;
  /** What earlier rollouts of the image moved and is still on it: RollbackAll reverts it, too. */
  takenOver: number;
  /** What failed in an earlier rollout of the image, and has no result since. */
  failedEarlier: number;
  /** What operators are offered. */
  next: readonly Verb[];
  /** Absent: none holds, or none is told of. */
  freeze?: Freeze;
  message: string;
}

/**
 * @param rollout undefined before the first rollout
 * @param drive of this rollout
 * @param freeze that holds
 */
export function viewOf(rollout: RolloutState | undefined, drive: Drive | undefined, freeze?: Freeze): View {
  const next = offered(rollout, drive, freeze);
  const frozen = freeze === undefined ? {} : { freeze };
  const note = freeze === undefined ? "" : freezeNote(freeze, rollout, drive);
  if (rollout === undefined) {
    const message = `No rollout has run yet.${note}`;
    return { ...NOTHING, state: "idle", phase: "idle", next, ...frozen, message };
  }
  const numbers = numbersOf(rollout, drive);
  const { total, succeeded, failed, skipped, inFlight, waiting } = numbers;
  const counts = ({ earlier }: Failure) => !(rollout.countsTakenOver && earlier);
  return {
    state: rollout.state,
    phase: phaseOf(rollout, drive),
    ...(rollout.pauseKind === undefined ? {} : { pauseKind: rollout.pauseKind }),
    neverAttempted: rollout.state === "paused" ? remaining(rollout) : 0,
    rolloutId: rollout.rolloutId,
    image: rollout.image,
    wave: rollout.currentWave + 1,
    waves: rollout.waves.length,
    ...{ total, succeeded, failed, skipped, inFlight, waiting },
    failures: rollout.revertsFailed ? [] : rollout.failures.filter(counts),
    skips: rollout.skips.filter(counts),
    sinceMs: rollout.sinceMs,
    takenOver: earlierLeft(rollout),
    failedEarlier: rollout.takenOver?.failed ?? 0,
    next,
    ...frozen,
    message: `${sentence(rollout, numbers, drive)}${mayRollBackLater(rollout) ? takenOverNote(rollout) : ""}${note}`,
  };
}

/** A rollout of nothing: there is no running sentinel. */
export function viewOfNothing(image: string, nowMs: number): View {
  return {
    ...NOTHING,
    state: "completed",
    phase: "completed",
    image,
    sinceMs: nowMs,
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
    phase: "cancelled",
    next: [],
    message: `The rollout of ${last.image} was cancelled; ${since}.`,
  };
}

/** What a forward drive answers that ended in a pause, from which another one has gone on since. */
export function viewOfResumed(last: View): View {
  return {
    ...last,
    state: "paused",
    phase: "paused",
    next: [],
    message: `The rollout of ${last.image} was paused; it has been resumed since.`,
  };
}

/** What one answers whose rollout another one has followed: nothing of it is left but its history. */
export function viewOfForgotten(rolloutId: string, image: string): View {
  return {
    ...NOTHING,
    rolloutId,
    image,
    state: "cancelled",
    phase: "cancelled",
    next: [],
    message: `The rollout of ${image} was cancelled; another rollout has started since. History has its numbers.`,
  };
}

const NOTHING = {
  neverAttempted: 0,
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
  takenOver: 0,
  failedEarlier: 0,
};

/** A pause names all that RollbackAll would revert. */
function mayRollBackLater({ state }: RolloutState): boolean {
  return state === "in_progress" || state === "cancelled";
}

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
  return all === 0 || !countsTakenOver ? "" : `; ${all} of them an earlier rollout of this image moved`;
}

/** What a freeze means for the rollout as it stands. */
function freezeNote(freeze: Freeze, rollout: RolloutState | undefined, drive: Drive | undefined): string {
  const needs = "needs override_freeze and a comment, or Unfreeze first";
  const by = frozenBy(freeze);
  if (rollout?.pauseReason === by) return ` While it is frozen, Resume or RetryFailed ${needs}.`;
  const said = ` ${by[0]?.toUpperCase()}${by.slice(1)}`;
  switch (rollout?.state) {
    case "in_progress": {
      if (drive?.forward?.overrides === freeze.id) return `${said}; this rollout goes on in spite of it.`;
      const last = rollout.currentWave + 1 >= rollout.waves.length;
      return last ? `${said}; this wave is the last.` : `${said}; it is paused at the end of this wave.`;
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

function sentence(
  rollout: RolloutState,
  { total, took, failed, skipped, reverted, inFlight }: Numbers,
  drive: Drive | undefined,
): string {
  const [wave, waves] = [rollout.currentWave + 1, rollout.waves.length];
  const done = `${took} of ${plural(total, "sentinel")} took ${rollout.image}`;
  const gone = skipped === 0 ? "" : `, ${skipped} skipped as no longer running`;
  const bad = `${failed === 0 ? "" : `, ${failed} failed`}${gone}`;
  const earlier = ofEarlier(rollout);
  switch (rollout.state) {
    case "in_progress": {
      const { stopping } = drive?.forward ?? {};
      const { retries } = drive?.forward ?? {};
      const does =
        retries === undefined
          ? "is rolling out"
          : `deploys ${plural(retries.total, "failed sentinel")} again, ${retries.settled} of them done`;
      if (stopping === undefined) return `Wave ${wave} of ${waves} ${does}: ${done}${bad}.`;
      return `Wave ${wave} of ${waves} launches nothing more and will be paused: ${stopping}. ${done}${bad}, ${plural(inFlight, "Deploy")} in flight.`;
    }
    case "paused": {
      const resume = whatResumeDoes({ wave, waves, failed }, resumeScope(rollout));
      const again = sumOf(rollout, "failed");
      const retry = again === 0 ? "" : ` RetryFailed: deploy the ${again} failed again.`;
      const revert = whatRollbackDoes(rollbackScope(rollout, drive));
      const rollback = revert === undefined ? "" : ` RollbackAll: revert ${revert}.`;
      return `Paused in wave ${wave} of ${waves}: ${withoutPlace(rollout.pauseReason)}. ${done}${bad}. Resume: ${resume}.${retry} Cancel: ${KEEPS}.${rollback}`;
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
