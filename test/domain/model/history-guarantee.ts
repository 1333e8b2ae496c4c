import { historyOf } from "../../../src/domain/history.ts";
import type { RolloutState } from "../../../src/domain/state.ts";
import { NOW, type Step, type World } from "./world.ts";

/** Everything that becomes of a sentinel is told to the history once, and nothing else is. */
export function everyOutcomeIsKept(from: World, { to, name }: Step): void {
  const [before, after] = [from.machine.rollout, to.machine.rollout];
  const entry = historyOf(from.machine, to.machine, { type: "cancel" }, NOW);
  if (after === undefined || after === before) {
    if (entry !== undefined) throw new Error(`${name} changes nothing and is told to the history`);
    return;
  }
  const told = (entry?.outcomes ?? []).map(({ outcome, sentinelId }) => `${outcome} ${sentinelId}`);
  const known = before?.rolloutId === after.rolloutId ? outcomesIn(before) : [];
  const missed = outcomesIn(after).filter((outcome) => !known.includes(outcome));
  if (told.toSorted().join() !== missed.toSorted().join()) {
    throw new Error(`${name} tells the history of [${told}] where [${missed}] is new`);
  }
  for (const { sentinelId, wave } of entry?.outcomes ?? []) {
    if (!after.waves[wave - 1]?.includes(sentinelId)) throw new Error(`${sentinelId} is not of wave ${wave}`);
  }
}

function outcomesIn({ succeededIds, failedIds, skippedIds, revertedIds }: RolloutState): string[] {
  const lists = { succeeded: succeededIds, failed: failedIds, skipped: skippedIds, reverted: revertedIds };
  return Object.entries(lists).flatMap(([outcome, ids]) => ids.map((id) => `${outcome} ${id}`));
}
