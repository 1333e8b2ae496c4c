import { type Deploy, forwardDeploys, wasInterrupted } from "./deploys.ts";
import type { Sight } from "./sight.ts";
import type { SlackMessage, Sources } from "./sources.ts";

/** Most Deploys of a rollout in flight where nobody says anything else: the setting's default. */
const MAX_IN_FLIGHT = 500;

/**
 * p: a rollout keeps to what it was asked to: never more in flight than it may, no wave goes on past a budget that is exceeded, a
 * budget alone decides what a failure does, and no more fail than it and what was in flight allow.
 */
export async function limitsAreKept(sources: Pick<Sources, "sql">, sight: Sight): Promise<string[]> {
  const { head } = sight.state;
  const { maxFailures, maxTotalFailures, maxInFlight = MAX_IN_FLIGHT } = head.limits ?? {};
  const violations: string[] = [];
  const holds = (is: boolean, text: string) => is || violations.push(`p: ${text}`);
  // What a drive that was cut short had in flight is not known to the one that goes on.
  if (head.limits?.maxInFlight !== undefined && !wasInterrupted(sight)) {
    const most = mostAtOnce(await forwardDeploys(sources, sight));
    holds(most <= maxInFlight, `${most} were in flight, of at most ${maxInFlight}`);
  }
  const isBudgeted = maxFailures !== undefined || maxTotalFailures !== undefined;
  for (const { failed, wave, resumed } of wavesDone(sight)) {
    const budget = budgetOf(maxFailures, head.waves[wave - 1]?.size ?? 0);
    const kept = resumed || failed <= (isBudgeted ? budget : 0);
    holds(kept, `wave ${wave} went on with ${failed} failures, of at most ${isBudgeted ? budget : 0}`);
  }
  if (head.state !== "paused") return violations;
  // A retry counts what failed again on its own, and stops for whatever is failed in the wave at its end.
  const retried = lastDriveRetried(sight);
  holds(
    retried || head.pauseKind !== "failure" || !isBudgeted,
    "it has a budget, and a failure has paused it",
  );
  if (head.pauseKind !== "budget") return violations;
  const { wave = 0, total = 0 } = head.acknowledged ?? {};
  const failures = head.waves.map(({ failed }) => failed);
  const size = head.waves[head.currentWave]?.size ?? 0;
  const sides = [
    { failed: (failures[head.currentWave] ?? 0) - wave, budget: budgetOf(maxFailures, size) },
    {
      failed: failures.reduce((sum, n) => sum + n, 0) - total,
      budget: budgetOf(maxTotalFailures, head.totalSentinels),
    },
  ];
  const over = sides.some(({ failed, budget }) => failed > budget);
  holds(over || retried, "a budget has paused it, and none is exceeded");
  for (const { failed, budget } of sides)
    holds(failed <= budget + maxInFlight, `${failed} failed, with a budget of ${budget}`);
  return violations;
}

/** A number as it is, a percentage rounded down. */
export function budgetOf(limit: number | string | undefined, size: number): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  return typeof limit === "number" ? limit : Math.floor((size * Number.parseFloat(limit)) / 100 + 1e-9);
}

/** One that is completed makes room for the next in the same millisecond. */
function mostAtOnce(deploys: readonly Deploy[]): number {
  const moments = deploys.flatMap(({ fromMs, toMs }) => [
    { atMs: fromMs, by: 1 },
    { atMs: toMs, by: -1 },
  ]);
  moments.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let [now, most] = [0, 0];
  for (const { by } of moments) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

/** The waves of which Slack was told that they are done: how many failed in them, and whether somebody resumed in them. */
function wavesDone({ before, after, state }: Sight): { wave: number; failed: number; resumed: boolean }[] {
  const told = after.slack
    .slice(before.slack.length)
    .filter(({ rolloutId }) => rolloutId === state.rolloutId);
  return told.flatMap(({ header, text }, n) => {
    const wave = Number(/: wave (\d+)\/\d+ completed(?:, soaking .*)?$/.exec(header)?.[1] ?? 0);
    if (wave === 0) return [];
    const failed = Number(/Failed in this wave: (\d+)/.exec(text)?.[1] ?? 0);
    return [{ wave, failed, resumed: resumedSince(told.slice(0, n), wave) }];
  });
}

function resumedSince(told: readonly SlackMessage[], wave: number): boolean {
  const began = told.findLastIndex(({ header }) => new RegExp(`: wave ${wave}/\\d+ started$`).test(header));
  return told.slice(began + 1).some(({ header }) => RESUMED.test(header) || RETRYING.test(header));
}

const RESUMED = /rollout resumed/;
const RETRYING = /rollout: retrying/;

/** The drive that came to the present end has deployed failed ones again. */
function lastDriveRetried({ after }: Sight): boolean {
  const last = (which: RegExp) => after.slack.findLastIndex(({ header }) => which.test(header));
  return last(RETRYING) > Math.max(last(RESUMED), last(/rollout started/));
}
