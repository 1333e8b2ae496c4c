import { sumOf } from "./counts.ts";
import type { Drive, Retries } from "./drive-state.ts";
import { remaining } from "./progress.ts";
import type { Limits, RolloutState } from "./state.ts";

/** How many of `size` may fail: a number as it is, a percentage rounded down; undefined: there is no limit. */
export function budgetOf(limit: number | string | undefined, size: number): number | undefined {
  return typeof limit === "string" ? Math.floor((size * Number.parseFloat(limit)) / 100 + 1e-9) : limit;
}

/** Does a budget decide what a failure does? Without one a wave is finished, and any failure pauses the rollout after it. */
export function isBudgeted({ limits }: RolloutState): boolean {
  return limits?.maxFailures !== undefined || limits?.maxTotalFailures !== undefined;
}

type Which = "all" | "but those that are away";

/** Failures since they were last acknowledged, those whose record waits included. */
function failuresOf(
  rollout: RolloutState,
  drive: Drive | undefined,
  which: Which,
): { wave: number; total: number } {
  const away = which === "all" ? { wave: 0, total: 0 } : awayOf(rollout);
  const pending = Object.values(drive?.lanes ?? {}).reduce((sum, lane) => sum + lane.failed, 0);
  const { wave = 0, total = 0 } = rollout.acknowledged ?? {};
  return {
    wave: (rollout.waves[rollout.currentWave]?.failed ?? 0) + pending - wave - away.wave,
    total: sumOf(rollout, "failed") + pending - total - away.total,
  };
}

/** Failures since they were last acknowledged that came of a cluster that did not answer. */
function awayOf(rollout: RolloutState): { wave: number; total: number } {
  const { wave = 0, total = 0 } = rollout.acknowledged?.away ?? {};
  const away = allAway(rollout);
  return { wave: away.wave - wave, total: away.total - total };
}

function allAway(rollout: RolloutState): { wave: number; total: number } {
  return { wave: rollout.waves[rollout.currentWave]?.away ?? 0, total: sumOf(rollout, "away") };
}

/** What has exceeded its budget, in words; undefined: nothing has. */
export function exceeded(
  rollout: RolloutState,
  drive: Drive | undefined,
  which: Which = "all",
): string | undefined {
  const { maxFailures, maxTotalFailures } = rollout.limits ?? {};
  const failures = failuresOf(rollout, drive, which);
  const size = rollout.waves[rollout.currentWave]?.size ?? 0;
  const ofWave = budgetOf(maxFailures, size);
  if (ofWave !== undefined && failures.wave > ofWave)
    return `${failures.wave} of ${size} failed (budget ${ofWave})${notAnswering(awayOf(rollout).wave)}`;
  const ofAll = budgetOf(maxTotalFailures, rollout.totalSentinels);
  if (ofAll !== undefined && failures.total > ofAll)
    return `${failures.total} of ${rollout.totalSentinels} failed in all waves (budget ${ofAll})${notAnswering(awayOf(rollout).total)}`;
  return undefined;
}

/** It may be the cluster, and not the image. */
function notAnswering(away: number): string {
  return away <= 0 ? "" : `, ${away} of them as their cluster did not answer`;
}

/** The same of a retry: what fails again is compared with the budgets on its own, in whichever wave it is. */
export function exceededAgain(rollout: RolloutState, { failed, total }: Retries): string | undefined {
  const { maxFailures, maxTotalFailures } = rollout.limits ?? {};
  const size = rollout.waves[rollout.currentWave]?.size ?? 0;
  const budgets = [budgetOf(maxFailures, size), budgetOf(maxTotalFailures, rollout.totalSentinels)];
  const least = Math.min(...budgets.filter((budget) => budget !== undefined));
  return failed > least ? `${failed} of ${total} failed again (budget ${least})` : undefined;
}

/** All failures so far are acknowledged: budgets count anew. */
export function acknowledge(rollout: RolloutState): Pick<RolloutState, "acknowledged"> {
  if (!isBudgeted(rollout)) return {};
  const wave = rollout.waves[rollout.currentWave]?.failed ?? 0;
  const away = allAway(rollout);
  return { acknowledged: { wave, total: sumOf(rollout, "failed"), ...(away.total > 0 ? { away } : {}) } };
}

/** The most Deploys in flight in a wave, of what the service allows. */
export function windowOf({ maxInFlight = Number.POSITIVE_INFINITY }: Limits = {}, allowed: number): number {
  return Math.min(maxInFlight, allowed);
}

/** A budget stopped a wave: what was never launched is named. */
export function stoppedInside(rollout: RolloutState, what: string): string {
  return `stopped inside wave ${rollout.currentWave + 1}: ${what}, ${remaining(rollout)} never touched`;
}
