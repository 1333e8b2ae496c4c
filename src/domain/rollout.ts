import { actionOf } from "./action.ts";
import { type Answer, accepted, type Decision, refused, viewNow } from "./answer.ts";
import { begin, stage } from "./begin.ts";
import type { Book } from "./book.ts";
import type { Event } from "./event.ts";
import { cancel, resume, stopHere, strandedDrive } from "./forward.ts";
import { freeze, freezeEnds, unfreeze } from "./freezing.ts";
import { goOn, orderOf } from "./go-on.ts";
import { assertMeant } from "./guard.ts";
import { historyOf } from "./history.ts";
import { abandoned, clearOthers, forgetAll, interrupted, laneLost } from "./interruption.ts";
import { askWhatIsLaunched, LAUNCHING, unsaid } from "./lanes.ts";
import { legacyReported } from "./legacy-drive.ts";
import { endSoak } from "./next-wave.ts";
import { healthSeen } from "./regressions.ts";
import { reported } from "./reported.ts";
import { retryFailed } from "./retry-failed.ts";
import { beginRollback, rollBack } from "./rollback.ts";
import { heldBySilent, relieved, silenced } from "./silence.ts";
import { DRIVE_KEY, FREEZE_KEY, HEAD_KEY } from "./state-keys.ts";
import { pauseAsked } from "./stop.ts";
import { takesOver } from "./taken-over.ts";
import { copySome } from "./taken-over-copies.ts";
import { Turn } from "./turn.ts";
import { rankOf } from "./write-order.ts";

/**
 * The one place where a rollout changes: every verb that changes something and every report is an event, and what is launched,
 * recorded and stopped is decided here.
 * @param nowMs unix milliseconds
 * @throws FrozenError when a freeze keeps it from beginning or going on
 * @throws GuardError when an operator's verb is about what is no longer there
 * @throws IllegalOperationError when it is not legal now
 * @throws NotFailedError when it is to retry what has not failed
 * @throws UnnamedError when it has to name its rollout, and does not
 * @throws UntilError when a freeze is to end in the past, or too late
 * @throws UnreadableError when the state is not one of a rollout
 * @throws MissingError when the book lacks what the decision needs; nothing has changed in any of these cases
 */
export function apply(book: Book, event: Event, nowMs: number): Decision {
  const turn = new Turn(book, nowMs);
  const before = turn.rollout;
  const answer = happen(turn, event);
  const taken = actionOf(before, turn, event);
  const { freezeNotifications, ends, soaks, rollsBack } = turn;
  const rolloutId = turn.rollout?.rolloutId ?? "";
  const beside = {
    freezeNotifications,
    ...(ends === undefined ? {} : { ends }),
    ...(taken === undefined ? {} : { action: taken }),
  };
  if (turn.drive === undefined) {
    const writes = book.writes(() => 0).filter(({ key }) => key === FREEZE_KEY);
    return { answer, writes, notifications: [], rings: [], history: [], ...beside };
  }
  tellFence(turn);
  const { drive } = turn;
  const own = historyOf(before, turn, event).map((entry) => ({ entry, revision: ++drive.revision }));
  const history = [...turn.others, ...own];
  if (turn.rollout !== before) book.set(HEAD_KEY, turn.rollout);
  if (event.type === "begin") clearOthers(book, Object.keys(turn.tallies()));
  if (answer.accepted) book.set(DRIVE_KEY, turn.drive);
  const writes = [...turn.first, ...book.writes(rankOf(turn, event))];
  return {
    answer: { ...answer, rolloutId: turn.rollout?.rolloutId ?? "" },
    writes: answer.accepted ? writes : [],
    notifications: turn.notifications,
    rings: turn.rings,
    history,
    ...beside,
    ...(soaks === undefined ? {} : { soaks: { rolloutId, ...soaks } }),
    ...(rollsBack === undefined ? {} : { rollsBack: { rolloutId, ...rollsBack } }),
    ...(turn.watch === undefined ? {} : { watch: turn.watch }),
    ...(turn.rollout === undefined ? {} : { rollout: turn.rollout }),
    drive,
  };
}

function happen(turn: Turn, event: Event): Answer {
  switch (event.type) {
    case "begin":
      begin(turn, event);
      return opened(turn, event.invocationId);
    case "resume":
      resume(turn, event);
      return opened(turn, event.invocationId);
    case "retryFailed":
      retryFailed(turn, event);
      return opened(turn, event.invocationId);
    case "beginRollback":
      beginRollback(turn, event);
      return opened(turn, event.invocationId);
    case "abort":
      abort(turn, event);
      return opened(turn, event.invocationId);
    case "cancel":
      cancel(turn, event);
      if (!turn.begun) forgetAll(turn);
      else goOn(turn);
      return stoppedAt(turn, event.fence);
    case "pause":
      pauseAsked(turn, event);
      if (turn.begun) goOn(turn);
      return stoppedAt(turn, event.fence);
    case "freeze":
      return freeze(turn, event);
    case "unfreeze":
      return unfreeze(turn, event);
    case "freezeEnds":
      return freezeEnds(turn, event);
    case "stage":
      return staged(turn, event);
    case "copy": {
      if (turn.rollout?.rolloutId !== event.rolloutId || !takesOver(turn.rollout, event.image))
        return refused(turn);
      if (turn.drive === undefined) return refused(turn);
      return { ...accepted(turn), left: copySome(turn) };
    }
    case "health":
      return wentOn(turn, healthSeen(turn, event));
    case "soakEnds":
      return wentOn(turn, soakEnds(turn, event));
    case "report":
      return reported(turn, event);
    case "interrupt":
      return interrupted(turn, event);
    case "laneLost":
      return laneLost(turn, event);
    case "abandon":
      return abandoned(turn, event);
    case "legacy": {
      const legacy = legacyReported(turn, event.report);
      if (legacy === undefined) return { ...refused(turn), view: viewNow(turn) };
      goOn(turn);
      return { ...accepted(turn), legacy, view: viewNow(turn) };
    }
    case "relieve":
      return relieved(turn, event) ? accepted(turn) : refused(turn);
    case "ask":
    case "silent":
    case "found":
      if (!silenced(turn, event)) return refused(turn);
      goOn(turn);
      return { ...accepted(turn), ...(event.type === "silent" ? { held: heldBySilent(turn) } : {}) };
  }
}

function wentOn(turn: Turn, answer: Answer): Answer {
  if (!answer.accepted) return answer;
  goOn(turn);
  return { ...answer, view: viewNow(turn) };
}

/** The time of a soak is up; it may be that of another one. */
function soakEnds(turn: Turn, { rolloutId, untilMs, unseen = [] }: Event & { type: "soakEnds" }): Answer {
  const { rollout, drive } = turn;
  const isIt = rollout?.rolloutId === rolloutId && rollout.soakUntilMs === untilMs;
  if (!isIt || drive?.forward === undefined || drive.forward.stopping !== undefined) return refused(turn);
  if (turn.nowMs < untilMs) {
    // The process that counted the time has another clock.
    turn.soaks = { untilMs, inMs: untilMs - turn.nowMs };
    return refused(turn);
  }
  endSoak(turn, unseen);
  return accepted(turn);
}

/** An operator has it stop: the answer says when no more than a few are on their way. */
function stoppedAt(turn: Turn, fence: string | undefined): Answer {
  const waits = raiseFence(turn, fence);
  return { ...accepted(turn), ...(waits ? { waits } : {}), view: viewNow(turn) };
}

/** Stops, and reverts what took the image; what is in flight follows as it settles. */
function abort(turn: Turn, event: Event & { type: "abort" }): void {
  const before = assertMeant("Abort", turn.rollout, event);
  turn.drive ??= strandedDrive(before);
  stopHere(turn, event, true);
  if (!turn.begun) forgetAll(turn);
  rollBack(turn, { ...event, silent: [] });
}

function staged(turn: Turn, event: Event & { type: "stage" }): Answer {
  const how = stage(turn, event);
  if (how === "refused") return refused(turn);
  return { ...accepted(turn), ...(how === "again" ? { again: true } : {}) };
}

/** A drive has begun: its driver has its number, and its first wave. */
function opened(turn: Turn, invocationId: string): Answer {
  const { forward, rollback } = turn.drive ?? {};
  const driver = [forward, rollback].find((each) => each?.invocationId === invocationId);
  return {
    ...accepted(turn),
    view: viewNow(turn),
    ...(driver === undefined ? {} : { lane: driver.lane }),
    driver: orderOf(turn, invocationId, driver?.lane),
  };
}

/** A Cancel, or a Pause, answers once no more than a few sentinels are on their way. @returns whether it has to wait for that */
function raiseFence(turn: Turn, fence: string | undefined): boolean {
  if (turn.drive === undefined || fence === undefined || unsaid(turn) <= LAUNCHING) return false;
  turn.drive.fence = fence;
  askWhatIsLaunched(turn);
  return true;
}

function tellFence(turn: Turn): void {
  const { drive } = turn;
  if (drive?.fence === undefined || unsaid(turn) > LAUNCHING) return;
  turn.rings.push({ bell: drive.fence });
  delete drive.fence;
}
