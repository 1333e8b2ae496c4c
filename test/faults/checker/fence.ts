import type { Verb } from "./evidence.ts";
import type { Sight } from "./sight.ts";
import type { Sources } from "./sources.ts";

/** Deploys that may have been on their way when a Cancel answered. */
const ON_THEIR_WAY = 32;
const LAUNCHES: Verb["name"][] = ["Rollout", "Resume", "RollbackAll"];

/** All that a rollout, or one of its lanes, asked for. */
export const DEPLOYS =
  "SELECT created_at FROM sys_invocation WHERE target_service_name = 'hydra.v1.SentinelService'" +
  " AND target_handler_name = 'Deploy' AND invoked_by_service_name LIKE 'hydra.v1.SentinelRollout%'";

/** k: once Cancel has answered, hardly a Deploy is launched any more, until somebody asks for it. */
export async function stopIsAFence(
  sources: Pick<Sources, "sql">,
  { verbs }: Pick<Sight, "verbs">,
): Promise<string[]> {
  const cancels = verbs.filter(({ name, status }) => name === "Cancel" && status === 200);
  if (cancels.length === 0) return [];
  const deploys = await sources.sql<{ created_at: string }>(DEPLOYS);
  const launchedMs = deploys.map(({ created_at }) => Date.parse(created_at));
  return cancels.flatMap((cancel) => {
    const from = cancel.answeredMs ?? Number.POSITIVE_INFINITY;
    const to = Math.min(...verbs.filter((verb) => goesOn(verb, cancel)).map(({ askedMs }) => askedMs));
    const late = launchedMs.filter((atMs) => atMs > from && atMs < to).length;
    return late > ON_THEIR_WAY ? [`k: ${late} Deploys were launched after Cancel had answered`] : [];
  });
}

/** Whether this verb has something launched after the Cancel. */
function goesOn(verb: Verb, cancel: Verb): boolean {
  if (!LAUNCHES.includes(verb.name) || isRefused(verb)) return false;
  const [cancelAskedMs, cancelAnsweredMs] = [cancel.askedMs, cancel.answeredMs ?? cancel.askedMs];
  if (verb.askedMs >= cancelAnsweredMs) return true;
  // It was over before.
  if (verb.answeredMs !== undefined && verb.answeredMs <= cancelAskedMs) return false;
  // Side by side with a Cancel that was taken: no rollback runs then, so this one came after it. A Rollout or Resume is the
  // drive that was cancelled, unless it tells of another rollout.
  if (verb.name === "RollbackAll") return true;
  const [its, cancelled] = [verb.answer?.rollout_id, cancel.answer?.rollout_id];
  return its !== undefined && cancelled !== undefined && its !== cancelled;
}

/** What was killed answers 409 too, and may have launched something before. */
function isRefused({ status = 200, answer }: Verb): boolean {
  if (status === 409) return /is not legal while|^Nothing to roll out/.test(String(answer?.message));
  return status === 400 || status === 503;
}
