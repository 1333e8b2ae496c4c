import type { Drive } from "./drive-state.ts";
import type { Freeze } from "./freeze.ts";
import { LEGAL } from "./legality.ts";
import { offered } from "./next-steps.ts";
import { type Phase, phaseOf } from "./phase.ts";
import { numbersOf, remaining } from "./progress.ts";
import { freezeNote, sentence } from "./sentence.ts";
import type { Failure, KnownRegression, PauseKind, RolloutState, State, Verb } from "./state.ts";
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
  /** What earlier rollouts of the image deployed and is still on it: RollbackAll reverts it, too. */
  takenOver: number;
  /** What failed in an earlier rollout of the image, and has no result since. */
  failedEarlier: number;
  /** What operators are offered. */
  next: readonly Verb[];
  /** Absent: none holds, or none is told of. */
  freeze?: Freeze;
  /** The soak ends at `soakUntilMs` (unix ms). In a rollout that is paused in a soak, `soakLeftMs` (ms) of it is left. */
  soakUntilMs?: number;
  soakLeftMs?: number;
  /** How many broke after they came up, and the newest of them. Absent: none. */
  regressed?: number;
  regressions?: readonly KnownRegression[];
  /** Paused, and a rollback is to follow by itself. */
  rollsBack?: true;
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
    ...soakOf(rollout),
    message: `${sentence(rollout, numbers, drive)}${mayRollBackLater(rollout) ? takenOverNote(rollout) : ""}${note}`,
  };
}

function soakOf({ soakUntilMs, soakLeftMs, regressions, rollsBack }: RolloutState): Partial<View> {
  return {
    ...(soakUntilMs === undefined ? {} : { soakUntilMs }),
    ...(soakLeftMs === undefined ? {} : { soakLeftMs }),
    ...(rollsBack ? { rollsBack } : {}),
    ...(regressions?.all === undefined
      ? {}
      : { regressed: regressions.all, regressions: regressions.newest }),
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
