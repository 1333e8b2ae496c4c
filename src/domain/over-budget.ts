import { exceeded, exceededAgain } from "./limits.ts";
import { recordPending } from "./record.ts";
import type { Turn } from "./turn.ts";

/** More have failed than may: nothing more is launched, from the change on that hears of it. */
export function stopOverBudget(turn: Turn): void {
  const { rollout, drive } = turn;
  const { forward } = drive ?? {};
  if (rollout?.state !== "in_progress" || forward === undefined || forward.stopping !== undefined) return;
  if (forward.retries !== undefined) {
    const again = exceededAgain(rollout, forward.retries);
    if (again !== undefined) Object.assign(forward, { stopping: again, stoppingKind: "budget" });
    return;
  }
  if (exceeded(rollout, drive) === undefined) return;
  // After a change that was cut short some may be counted twice, until they are recorded.
  recordPending(turn);
  const over = exceeded(turn.driving().rollout, undefined);
  if (over !== undefined) Object.assign(forward, { stopping: over, stoppingKind: "budget" });
}
