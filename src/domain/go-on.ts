import { type DriverOrder, type RollbackReport, viewNow } from "./answer.ts";
import { askAgain } from "./ask-again.ts";
import type { Report } from "./event.ts";
import { concludeForward, isLoaded, leftToDeploy } from "./forward.ts";
import { recordIfDue } from "./lane-report.ts";
import { driverOf, serve, staff, unopened } from "./lanes.ts";
import { stopOverBudget } from "./over-budget.ts";
import { stopOverRegressions } from "./regressions.ts";
import { concludeRollback, leftToRevert } from "./rollback.ts";
import { ROLLBACK_KEY } from "./state-keys.ts";
import type { Turn } from "./turn.ts";
import { viewOf } from "./view.ts";

/** What follows: a wave or a drive that is over, more lanes, more to launch. */
export function goOn(turn: Turn, reporter?: Report): void {
  stopOverBudget(turn);
  stopOverRegressions(turn);
  conclude(turn);
  staff(turn, turn.rollout?.state === "rolling_back" ? leftToRevert(turn) : leftToDeploy(turn));
  serve(turn, reporter);
  recordIfDue(turn);
  conclude(turn);
  askAgain(turn, reporter);
  const { forward, rollback } = turn.drive ?? {};
  for (const driver of [forward, rollback]) {
    if (driver === undefined || driver.lane === reporter?.lane) continue;
    if (
      opensNext(turn, driver.lane) ||
      unopened(turn, driver === forward ? "forward" : "rollback").some(isUnannounced)
    ) {
      turn.ring(driver.lane);
    }
  }

  function isUnannounced(lane: number): boolean {
    return turn.lane(lane)?.announced === undefined;
  }
}

function conclude(turn: Turn): void {
  concludeForward(turn);
  concludeRollback(turn);
}

/** Is a wave to be begun by this driver? */
function opensNext({ rollout, drive }: Turn, lane: number): boolean {
  const { forward } = drive ?? {};
  if (forward?.lane !== lane || rollout?.state !== "in_progress") return false;
  if (rollout.soakUntilMs !== undefined) return false;
  return forward.openedWave !== rollout.currentWave && forward.stopping === undefined;
}

/** The failed sentinels are in the state already. */
function retriesOf(turn: Turn): { load: boolean; retries?: number } {
  const { rollout, drive } = turn.driving();
  const { retries } = drive.forward ?? {};
  return retries === undefined
    ? { load: !isLoaded(turn, rollout.currentWave) }
    : { load: false, retries: retries.total };
}

/** @param lane of the driver; undefined: the invocation no longer drives */
export function orderOf(turn: Turn, invocationId: string, lane: number | undefined): DriverOrder {
  const driver = lane === undefined ? undefined : driverOf(turn, lane);
  const { rollout } = turn;
  if (driver === undefined || rollout === undefined) {
    const report = turn.book.get<RollbackReport>(ROLLBACK_KEY);
    const own = report?.invocationId === invocationId ? { rollback: report } : {};
    return { open: [], done: true, view: viewNow(turn), ...own };
  }
  const open = unopened(turn, turn.drive?.forward === driver ? "forward" : "rollback");
  for (const n of open) Object.assign(turn.lane(n) ?? {}, { announced: true });
  const { currentWave, waves, image } = rollout;
  const wave = opensNext(turn, driver.lane)
    ? {
        number: currentWave + 1,
        of: waves.length,
        size: waves[currentWave]?.size ?? 0,
        image,
        ...retriesOf(turn),
      }
    : undefined;
  // No operator sees this view while the drive goes on, so it needs no look at a freeze.
  return { ...(wave === undefined ? {} : { wave }), open, done: false, view: viewOf(rollout, turn.drive) };
}
