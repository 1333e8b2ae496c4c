import { forwardDeploys, wasInterrupted } from "./deploys.ts";
import type { Sight } from "./sight.ts";
import type { Sources } from "./sources.ts";
import { goesBack, retriesIn } from "./verbs.ts";

/**
 * o: a rollout that an operator or a budget has paused has lost nothing: whoever has no result was not touched. And nobody is
 * deployed twice by a rollout that goes on from there, but for those that RetryFailed deploys again.
 */
export async function pauseLosesNothing(sources: Pick<Sources, "sql">, sight: Sight): Promise<string[]> {
  // What was in flight when a drive was cut short, Resume deploys again.
  if (wasInterrupted(sight)) return [];
  const { state, before, after, verbs, meddled } = sight;
  const launches = new Map<string, number>();
  for (const { sentinel } of await forwardDeploys(sources, sight))
    launches.set(sentinel, (launches.get(sentinel) ?? 0) + 1);
  const violations = [...launches].flatMap(([id, count]) =>
    count > 1 + retriesIn(verbs) ? [`o: ${id} was deployed ${count} times`] : [],
  );
  const wentBack = verbs.some(goesBack);
  const unheard = wentBack ? [] : state.succeededIds.filter((id) => !launches.has(id));
  for (const id of unheard) violations.push(`o: ${id} succeeded, and was never deployed`);
  const kind = state.head.pauseKind ?? "";
  if (state.state !== "paused" || !["operator", "budget", "regression"].includes(kind)) return violations;
  const untouched = Object.entries(state.fleet).filter(
    ([id, { is }]) => is === "waiting" && !meddled.has(id),
  );
  for (const [id] of untouched) {
    if (launches.has(id)) violations.push(`o: it is paused, and ${id} was launched and has no result`);
    const [was, is] = [before.rows.get(id), after.rows.get(id)];
    const moved = is?.image !== was?.image || is?.deploy_status !== was?.deploy_status;
    if (moved) violations.push(`o: it is paused, and the row of ${id}, which has no result, was touched`);
  }
  return violations;
}
