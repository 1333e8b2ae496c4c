import type { RollbackReport } from "./answer.ts";
import { sumOf } from "./counts.ts";
import { cutForHead, KEPT_FAILURES } from "./cut-text.ts";
import type { SentinelResult } from "./drive-state.ts";
import type { Asked, Event, Silence } from "./event.ts";
import { strandedDrive } from "./forward.ts";
import { assertMeant } from "./guard.ts";
import { dropLanes } from "./lanes.ts";
import { IllegalOperationError } from "./legality.ts";
import { newLane } from "./new-lane.ts";
import { rollbackScope } from "./next-steps.ts";
import { toldBy } from "./notification.ts";
import { endForward, FAILURES_IN_A_MESSAGE } from "./pause.ts";
import { failedToRevert, inFlightOf, lanesOf, progressOf } from "./progress.ts";
import { closeQueue, hasMore, openQueue } from "./queue.ts";
import { recordPending } from "./record.ts";
import { ROLLBACK_KEY } from "./state-keys.ts";
import type { Turn } from "./turn.ts";

export function beginRollback(turn: Turn, event: Event & { type: "beginRollback" }): void {
  const before = assertMeant("RollbackAll", turn.rollout, event);
  // What follows a pause by itself does not follow another one.
  const isOther = event.ofPause !== undefined && (event.ofPause !== before.sinceMs || !before.rollsBack);
  if (isOther || (event.ofPause !== undefined && before.state !== "paused"))
    throw new IllegalOperationError("RollbackAll", before.state);
  turn.drive ??= strandedDrive(before);
  rollBack(turn, event);
}

interface Beginning extends Asked {
  invocationId: string;
  silent: readonly Silence[];
  includeFailed?: boolean;
}

/** Nothing more goes forward, and what took the image is reverted. */
export function rollBack(turn: Turn, { invocationId, silent, includeFailed, ...asked }: Beginning): void {
  const before = turn.driving().rollout;
  // The end of the one before was cut short.
  endRollback(turn, "it was cut short");
  recordPending(turn);
  closeQueue(turn);
  writeOff(turn, silent);
  const counted = before.takenOver === undefined ? {} : { countsTakenOver: true as const };
  turn.unpause("rolling_back", counted);
  // What was asked once holds for the calls that go on with it.
  turn.revertsFailed(includeFailed ?? before.revertsFailed ?? false);
  const { rollout, drive } = turn.driving();
  const lane = drive.nextLane++;
  drive.rollback = {
    invocationId,
    lane,
    startedAtMs: turn.nowMs,
    firstWave: rollout.currentWave,
    ...{ reverted: 0, missed: 0, gone: 0, moved: 0, skips: [], failures: [] },
  };
  drive.lanes[lane] = { ...newLane("rollback"), invocationId };
  turn.watch = invocationId;
  const scope = rollbackScope(rollout, drive);
  const progress = progressOf(rollout, turn.nowMs);
  const failedToo = rollout.revertsFailed ? { failedToo: true as const } : {};
  turn.notifications.push({ kind: "rollback started", progress, scope, ...failedToo, ...toldBy(asked) });
}

/** What does not answer is not waited for: the rows tell what became of its sentinels. */
function writeOff(turn: Turn, silent: readonly Silence[]): void {
  const { drive } = turn.driving();
  const ids = new Set(silent.map(({ invocationId }) => invocationId));
  dropLanes(
    turn,
    (lane) => lane.of === "forward" && (lane.silent !== undefined || ids.has(lane.invocationId ?? "")),
  );
  if (inFlightOf(lanesOf(drive, "forward")) > 0) return;
  // The rollback tells its own count.
  delete drive.settles;
  endForward(turn);
}

/** Counts what a rollback's lane reports. */
export function countReverts(turn: Turn, results: readonly SentinelResult[]): void {
  const { rollback } = turn.driving().drive;
  if (rollback === undefined) return;
  for (const { id, is, why } of results) {
    if (is === "reverted") rollback.reverted++;
    if (is !== "missed" && is !== "gone" && is !== "moved") continue;
    rollback.missed++;
    if (is !== "missed") rollback[is]++;
    const list = is === "gone" ? rollback.skips : rollback.failures;
    if (list.length < KEPT_FAILURES) list.push({ id, reason: cutForHead(why ?? "unknown") });
  }
}

export function leftToRevert({ rollout, drive }: Turn): number {
  if (rollout === undefined || drive?.rollback === undefined) return 0;
  const lanes = lanesOf(drive, "rollback");
  // A sentinel that was not known to have taken the image counts on both sides.
  const pending = lanes.reduce((sum, lane) => {
    const earlier = lane.earlierReverted - lane.earlierTook + (lane.leftOverReverted ?? 0);
    return sum + lane.reverted - lane.succeeded + earlier;
  }, 0);
  const { size = 0, reverted = 0, leftOver = 0 } = rollout.takenOver ?? {};
  const took = sumOf(rollout, "succeeded") - sumOf(rollout, "reverted") + size - reverted + leftOver;
  const left = took + failedToRevert(rollout, lanesOf(drive)) - pending - drive.rollback.missed;
  return left - inFlightOf(lanes);
}

/** What an interrupted rollback set out to revert and has no result of: what was in flight, and what never began. */
function unfinished(turn: Turn): number {
  return Math.max(0, leftToRevert(turn) + inFlightOf(lanesOf(turn.drive, "rollback")));
}

/** The rollback is over once nothing is left, nothing is in flight, and nothing can come in late. */
export function concludeRollback(turn: Turn): void {
  const { rollout, drive } = turn.driving();
  const { rollback } = drive;
  if (rollback === undefined || rollback.legacy !== undefined) return;
  if (rollout.state !== "rolling_back") {
    // What ended it was cut short, after it had kept why.
    const ended = turn.book.get<RollbackReport>(ROLLBACK_KEY);
    endRollback(turn, ended?.invocationId === rollback.invocationId ? ended.interruption : rollback.stopping);
    return;
  }
  if (inFlightOf(lanesOf(drive, "rollback")) > 0) return;
  if (rollback.stopping === undefined) {
    if (rollback.openedWave === undefined || hasMore(turn) || drive.forward !== undefined) return;
    // A sentinel that settled late in a change that was cut short was not taken up.
    if (leftToRevert(turn) > 0) openQueue(turn);
    if (hasMore(turn)) return;
  }
  endRollback(turn, rollback.stopping);
}

export function endRollback(turn: Turn, interruption: string | undefined): void {
  recordPending(turn);
  const { drive } = turn.driving();
  const { rollback } = drive;
  if (rollback === undefined) return;
  turn.become({ state: "cancelled" });
  closeQueue(turn);
  const { reverted, missed, gone, moved, skips, failures } = rollback;
  // The rows of all those without a result have told.
  if (interruption === undefined && missed === gone + moved) {
    delete drive.lost;
    delete drive.again;
  }
  const report: RollbackReport = {
    invocationId: rollback.invocationId,
    reverted,
    targets: reverted + missed + (interruption === undefined ? 0 : unfinished(turn)),
    ...{ skipped: gone, moved, failures, skips },
    ...(interruption === undefined ? {} : { interruption }),
  };
  turn.book.set(ROLLBACK_KEY, report);
  tellEnd(turn, report, rollback.startedAtMs);
  dropLanes(turn, ({ of }) => of === "rollback");
  delete drive.rollback;
}

/** Ends a rollback whose state names no driver: its beginning, or its end, was cut short. */
export function stranded(turn: Turn, reason: string): void {
  const { rollout } = turn.driving();
  turn.become({ state: "cancelled" });
  closeQueue(turn);
  const none = { invocationId: "", reverted: 0, targets: 0, skipped: 0, moved: 0, failures: [], skips: [] };
  const report = turn.book.get<RollbackReport>(ROLLBACK_KEY) ?? none;
  tellEnd(turn, { ...report, interruption: reason }, rollout.sinceMs);
}

function tellEnd(turn: Turn, { invocationId, skips, ...report }: RollbackReport, startedAtMs: number): void {
  turn.notifications.push({
    kind: "rollback completed",
    progress: progressOf(turn.driving().rollout, turn.nowMs),
    ...report,
    failed: report.targets - report.reverted,
    failures: [...report.failures, ...skips].slice(0, FAILURES_IN_A_MESSAGE),
    durationMs: Math.max(0, turn.nowMs - startedAtMs),
  });
}
