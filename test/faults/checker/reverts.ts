import { takenOverIn } from "../../support/rollout-state.ts";
import { imageOf, notOn } from "./results.ts";
import type { Sight } from "./sight.ts";
import { goesBack } from "./verbs.ts";

/** What a RollbackAll, or an Abort, of this rollout has answered. */
interface Said {
  reverted: number;
  total: number;
  skipped: number;
  moved: number;
  interrupted: boolean;
}

/**
 * g: RollbackAll, and Abort, count those that run their previous image, and Slack says the same; once it has reverted all that it
 * could, nobody is left on the image, whom an earlier rollout of it deployed included, nor who failed, where those return, too; and
 * what somebody else has moved stays there.
 */
export function rollbackSaysWhatIs(sight: Sight): string[] {
  const { state, stored, after, verbs, meddled, hotfixes } = sight;
  const violations: string[] = [];
  const holds = (is: boolean, text: string) => is || violations.push(`g: ${text}`);
  for (const [id, image] of hotfixes) {
    const deployment = after.deployments.get(after.rows.get(id)?.k8s_name ?? "");
    const has = deployment === undefined ? undefined : imageOf(deployment);
    holds(has === image, `somebody moved ${id} to ${image}, and its Deployment has ${has}`);
  }
  const asked = verbs.filter((verb) => goesBack(verb) && verb.status !== 400);
  const said = asked.flatMap(({ status, answer }) =>
    status === 200 && answer?.rollout_id === state.rolloutId ? [saidBy(answer)] : [],
  );
  const taken = Object.entries(takenOverIn(stored)).filter(([id]) => !meddled.has(id));
  for (const [id, { is, from }] of taken) {
    const problem = is === "reverted" ? notOn(sight, id, from) : undefined;
    holds(problem === undefined, `${id}, taken over, is said to be reverted; ${problem}`);
  }
  const last = said.at(-1);
  if (last === undefined) return violations;
  const sum = said.reduce((all, { reverted }) => all + reverted, 0);
  const all = said.length === asked.length && !said.some(({ interrupted }) => interrupted);
  const { reverted } = state.told;
  const counts = all ? sum === reverted : sum <= reverted;
  holds(counts, `RollbackAll has answered that it reverted ${sum}, and ${reverted} are reverted`);
  if (!all) return violations;
  const told = after.slack.findLast(({ header }) => header === "Sentinel rollback completed");
  const [, ...numbers] = /Reverted: (\d+) of (\d+)/.exec(told?.text ?? "") ?? [];
  const answered = `${last.reverted} of ${last.total}`;
  holds(
    numbers.join(" of ") === answered,
    `Slack tells of ${numbers.join(" of ")} reverted, the answer of ${answered}`,
  );
  if (last.total > last.reverted + last.skipped + last.moved) return violations;
  const left = [...taken, ...Object.entries(state.fleet)].filter(
    ([id, { is, stays }]) =>
      (is === "succeeded" || state.leftOverIds.includes(id)) && stays === undefined && !meddled.has(id),
  );
  for (const [id] of left) holds(false, `RollbackAll has reverted all that it could, and ${id} is left`);
  for (const id of state.head.revertsFailed ? onTheImage(sight, state.failedIds) : [])
    holds(false, `RollbackAll has reverted all that it could, those that failed, too, and ${id} is left`);
  return violations;
}

/** Of these those whose Deployment has the rollout's image, and whom nobody has said to stay there. */
function onTheImage({ state, after, meddled }: Sight, ids: readonly string[]): string[] {
  return ids.filter((id) => {
    const deployment = after.deployments.get(after.rows.get(id)?.k8s_name ?? "");
    const stays = state.fleet[id]?.stays !== undefined || meddled.has(id);
    return !stays && deployment !== undefined && imageOf(deployment) === state.image;
  });
}

function saidBy({ reverted, total, skipped, moved, message }: Record<string, unknown>): Said {
  const interrupted = /interrupted/.test(String(message));
  const number = (value: unknown) => Number(value ?? 0);
  return {
    ...{ reverted: number(reverted), total: number(total) },
    ...{ skipped: number(skipped), moved: number(moved), interrupted },
  };
}
