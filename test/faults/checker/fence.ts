import { deploysOf } from "./deploys.ts";
import type { Verb } from "./evidence.ts";
import type { Sight } from "./sight.ts";
import type { Sources } from "./sources.ts";
import { goesBack } from "./verbs.ts";

/** Deploys that may have been on their way when a Cancel, or a Pause, answered. */
const ON_THEIR_WAY = 32;
const STOPS: Verb["name"][] = ["Cancel", "Pause"];
const LAUNCHES: Verb["name"][] = ["Rollout", "Resume", "RetryFailed", "RollbackAll", "Abort"];

/** k: once Cancel, or Pause, has answered, hardly a Deploy is launched any more, until somebody asks for it. */
export async function stopIsAFence(
  sources: Pick<Sources, "sql">,
  { verbs }: Pick<Sight, "verbs">,
): Promise<string[]> {
  const stops = verbs.filter(({ name, status }) => STOPS.includes(name) && status === 200);
  if (stops.length === 0) return [];
  const launchedMs = (await deploysOf(sources)).map(({ fromMs }) => fromMs);
  return stops.flatMap((stop) => {
    const from = stop.answeredMs ?? Number.POSITIVE_INFINITY;
    const to = Math.min(...verbs.filter((verb) => goesOn(verb, stop)).map(({ askedMs }) => askedMs));
    const late = launchedMs.filter((atMs) => atMs > from && atMs < to).length;
    const what = `${late} Deploys were launched after ${stop.name} had answered`;
    return late > ON_THEIR_WAY ? [`k: ${what}`] : [];
  });
}

/** Whether this verb has something launched after the stop. */
function goesOn(verb: Verb, stop: Verb): boolean {
  if (!LAUNCHES.includes(verb.name) || isRefused(verb)) return false;
  const [stopAskedMs, stopAnsweredMs] = [stop.askedMs, stop.answeredMs ?? stop.askedMs];
  if (verb.askedMs >= stopAnsweredMs) return true;
  // It was over before.
  if (verb.answeredMs !== undefined && verb.answeredMs <= stopAskedMs) return false;
  // Side by side with a stop that was taken: no rollback runs then, so this one came after it. A Rollout or Resume is the
  // drive that was stopped, unless it tells of another rollout, or was asked for when the Pause was: it may go on from that.
  if (goesBack(verb)) return true;
  if (stop.name === "Pause" && verb.askedMs >= stopAskedMs) return true;
  const [its, stopped] = [verb.answer?.rollout_id, stop.answer?.rollout_id];
  return its !== undefined && stopped !== undefined && its !== stopped;
}

/** What was killed answers 409 too, and may have launched something before. */
function isRefused({ status = 200, answer }: Verb): boolean {
  if (status === 409)
    return /is not legal while|is frozen|finds no failed|^Nothing to roll out/.test(String(answer?.message));
  return status === 400 || status === 503;
}
