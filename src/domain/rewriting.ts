import type { SentinelResult } from "./drive-state.ts";
import { progressOf } from "./progress.ts";
import type { Turn } from "./turn.ts";

/** Says, once a rollout, that a cluster's admission makes another image of the one asked for. */
export function tellRewriting(turn: Turn, results: readonly SentinelResult[]): void {
  const { rollout, drive } = turn.driving();
  const to = results.find(({ rewrittenTo }) => rewrittenTo !== undefined)?.rewrittenTo;
  if (to === undefined || rollout.rewrittenTo !== undefined) return;
  turn.become({ rewrittenTo: to });
  turn.notifications.push({ kind: "rewritten", to, progress: progressOf(rollout, turn.nowMs, drive) });
}
