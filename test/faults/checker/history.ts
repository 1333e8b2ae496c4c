import { isCutOf } from "./reasons.ts";
import type { Sight } from "./sight.ts";
import type { Sources } from "./sources.ts";
import { retriesIn } from "./verbs.ts";

/** i: once nothing is under way, the history in MySQL tells of the rollout just what its state does. */
export async function historyIsTrue(
  sources: Pick<Sources, "history">,
  { state, verbs }: Sight,
): Promise<string[]> {
  const { row, outcomes } = await sources.history(state.rolloutId);
  const retried = retriesIn(verbs) > 0;
  const violations: string[] = [];
  const holds = (is: boolean, text: string) => is || violations.push(`i: ${text}`);
  const { succeededIds, failedIds, skippedIds, revertedIds, leftOverRevertedIds, revertedFailedIds } = state;
  const back = [...leftOverRevertedIds, ...revertedFailedIds];
  // What was reverted after it had failed, or was skipped, is told to have done so.
  const before = (outcome: string) =>
    outcomes.flatMap((each) =>
      each.outcome === outcome && back.includes(each.sentinel_id) ? [each.sentinel_id] : [],
    );
  const lists = {
    succeeded: succeededIds.filter((id) => !back.includes(id)),
    failed: [...failedIds, ...before("failed")],
    skipped: [...skippedIds, ...before("skipped")],
    reverted: [...revertedIds],
  };
  const said = [
    row?.state,
    row?.image,
    row?.wave,
    row?.total,
    row?.succeeded,
    row?.failed,
    row?.skipped,
    row?.reverted,
  ];
  const is = [
    state.state,
    state.image,
    state.currentWave + 1,
    state.told.total,
    state.told.succeeded,
    state.told.failed,
    state.told.skipped,
    state.told.reverted,
  ];
  holds(String(said) === String(is), `its row says ${said}, the state ${is}`);
  const ended = ["completed", "cancelled"].includes(state.state);
  holds((row?.ended_at !== null) === ended, `it is ${state.state}, and ended at ${row?.ended_at}`);
  for (const [outcome, ids] of Object.entries(lists)) {
    const told = outcomes.filter((each) => each.outcome === outcome).map((each) => each.sentinel_id);
    // The history of an earlier rollout tells that these succeeded.
    const earlier = Object.entries(state.takenOver).flatMap(([id, entry]) =>
      entry.is === outcome ? [id] : [],
    );
    if (outcome === "reverted") ids.push(...earlier);
    // Who came up when it was deployed again is told to have failed before.
    const cameUp = (id: string) => outcome === "failed" && retried && succeededIds.includes(id);
    const due = told.filter((id) => ids.includes(id) || !cameUp(id));
    holds(due.sort().join() === ids.toSorted().join(), `it tells that ${told} ${outcome}, the state ${ids}`);
  }
  for (const { sentinel_id: id, wave, outcome, reason } of outcomes) {
    const its = wave === 0 ? id in state.takenOver : state.waves[wave - 1]?.includes(id) === true;
    holds(its, `${id} is said to be of wave ${wave}`);
    const stays = state.failedIds.includes(id) || revertedFailedIds.includes(id);
    if (outcome === "failed" && !leftOverRevertedIds.includes(id) && (stays || !retried))
      holds(isCutOf(state.fleet[id]?.why, reason), `${id} is said to have failed: ${reason}`);
  }
  return violations;
}
