import { shownFreeze } from "./freeze-look.ts";
import { dropLanes } from "./lanes.ts";
import { exceeded } from "./limits.ts";
import { resumeScope, rollbackScope } from "./next-steps.ts";
import { progressOf } from "./progress.ts";
import { closeQueue } from "./queue.ts";
import { recordPending } from "./record.ts";
import { nameOthers } from "./retries.ts";
import { interruptedSoak } from "./soak.ts";
import type { Failure, PauseKind, RolloutState } from "./state.ts";
import type { Turn } from "./turn.ts";

/** A message to Slack names this many failing sentinels. */
export const FAILURES_IN_A_MESSAGE = 5;

export function pause(turn: Turn, pauseKind: PauseKind, cause: string): void {
  const words = pauseWords(turn);
  const reason = words === undefined || cause.includes(words) ? cause : `${cause}; ${words}`;
  recordPending(turn);
  if (turn.drive?.forward?.retries !== undefined) nameOthers(turn);
  const rollsBack = isRolledBack(turn, pauseKind);
  if (rollsBack) turn.rollsBack = { pausedMs: turn.nowMs };
  turn.soak(interruptedSoak(turn.driving().rollout, turn.nowMs));
  turn.become({ state: "paused", pauseReason: reason, pauseKind, ...(rollsBack ? { rollsBack } : {}) });
  tellPaused(turn, pauseKind, reason);
  endForward(turn);
}

/** An operator keeps a pause from going on to a rollback by itself. */
export function stayPaused(turn: Turn, words: string): void {
  const { rollsBack: _, ...rollout } = turn.driving().rollout;
  const reason = `${rollout.pauseReason}; ${words}`;
  turn.rollout = { ...rollout, pauseReason: reason };
  tellPaused(turn, rollout.pauseKind ?? "operator", reason);
}

function tellPaused(turn: Turn, pauseKind: PauseKind, reason: string): void {
  const { rollout } = turn.driving();
  const { rollsBack } = rollout;
  const { newest, all: regressed } = rollout.regressions ?? {};
  turn.notifications.push({
    kind: "paused",
    progress: progressOf(rollout, turn.nowMs),
    why: pauseKind,
    reason,
    failures: shownFailures(rollout),
    resume: resumeScope(rollout),
    rollback: rollbackScope(rollout, turn.drive),
    ...(newest === undefined ? {} : { regressions: newest.slice(-FAILURES_IN_A_MESSAGE) }),
    ...(regressed === undefined ? {} : { regressed }),
    ...(rollsBack ? { rollsBack } : {}),
    ...(pauseKind === "freeze" || shownFreeze(turn) === undefined ? {} : { frozen: true as const }),
  });
}

/** How an operator asked for a pause, also where something else stopped the rollout before. */
export function pauseWords({ drive }: Turn): string | undefined {
  const { stopping, stoppingKind, asked } = drive?.forward ?? {};
  return stoppingKind === "operator" ? stopping : asked;
}

/** It goes on to a rollback by itself: not where an operator retries or pauses, nor where a cluster is to blame. */
function isRolledBack({ rollout, drive }: Turn, pauseKind: PauseKind): boolean {
  const { retries, stoppingKind, attended } = drive?.forward ?? {};
  const isAttended = retries !== undefined || stoppingKind === "operator" || attended;
  if (rollout?.limits?.onFailure !== "rollback" || isAttended) return false;
  switch (pauseKind) {
    case "regression":
      return true;
    case "failure": {
      const { failed = 0, away = 0 } = rollout.waves[rollout.currentWave] ?? {};
      return failed > away;
    }
    case "budget":
      return exceeded(rollout, undefined, "but those that are away") !== undefined;
    default:
      return false;
  }
}

/**
 * Ends the forward drive. It rings the lanes, the driver's own among them, and tells those who wait for the lanes to settle.
 * @param why the reason why the results of the Deploys in flight will not come
 */
export function endForward(turn: Turn, why?: string): void {
  const { rollout, drive } = turn.driving();
  const { forward } = drive;
  if (forward === undefined) return;
  recordPending(turn);
  dropLanes(turn, ({ of }) => of === "forward");
  delete drive.forward;
  delete drive.ramp;
  tellSettled(turn, why ?? forward.stopping ?? "a call of its drive does not answer");
  if (drive.rollback !== undefined) turn.ringLegacy(drive.rollback);
  if (rollout.state !== "rolling_back") closeQueue(turn);
}

/** The count that the Cancel could not tell yet. A rollback that has begun since tells its own. */
function tellSettled(turn: Turn, why: string): void {
  const { rollout, drive } = turn.driving();
  const { settles: lost } = drive;
  delete drive.settles;
  if (lost === undefined || rollout.state !== "cancelled") return;
  turn.notifications.push({
    kind: "settled",
    progress: progressOf(rollout, turn.nowMs, drive),
    ...(lost === 0 ? { lost } : { lost, why }),
  });
}

export function shownFailures(rollout: RolloutState): Failure[] {
  return rollout.failures.slice(-FAILURES_IN_A_MESSAGE);
}
