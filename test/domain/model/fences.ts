import type { Drive, Lane } from "../../../src/domain/drive-state.ts";
import { inFlightOf, lanesOf } from "../../../src/domain/progress.ts";
import type { RolloutState } from "../../../src/domain/state.ts";
import { holds } from "./holds.ts";
import { entriesOf } from "./recorded.ts";
import { driveOf, headOf } from "./steps.ts";
import type { Step, System, World } from "./world.ts";

/** A guarded verb is taken by the rollout, and in the wave, that it names, and changes nothing of any other. */
export function aGuardHolds(from: World, { event, outcome, to, torn, name }: Step): void {
  if (event === undefined || !("seen" in event) || event.seen === undefined) return;
  const { rolloutId, wave } = event.seen;
  const head = headOf(from);
  const isThere = wave === undefined || head?.currentWave === wave - 1;
  if (head?.rolloutId === rolloutId && isThere) {
    holds(torn || outcome?.answer.accepted === true, `${name} is taken`);
    holds(headOf(to)?.rolloutId === rolloutId, `${name} is about that rollout`);
  } else {
    holds(to === from, `${name} changes nothing`);
  }
}

/** Nothing is granted but while it may be launched: what was stopped stays stopped. */
export function aStopIsAFence(from: World, { to, outcome, torn, name }: Step): void {
  if (outcome === undefined && !torn) return;
  const [before, after] = [driveOf(from), driveOf(to)];
  if (after === undefined) return;
  const known: Record<string, Lane> = before?.rolloutId === after.rolloutId ? (before?.lanes ?? {}) : {};
  for (const [n, { grants, of }] of Object.entries(after.lanes)) {
    if (grants === (known[n]?.grants ?? 0)) continue;
    const state = of === "forward" ? "in_progress" : "rolling_back";
    const driver = of === "forward" ? after.forward : after.rollback;
    const was = of === "forward" ? before?.forward : before?.rollback;
    holds(headOf(from)?.state === state, `${name} grants while it is ${headOf(from)?.state}`);
    holds(torn || headOf(to)?.state === state, `${name} grants while it becomes ${headOf(to)?.state}`);
    holds(driver?.stopping === undefined && was?.stopping === undefined, `${name} grants after a stop`);
  }
}

/** Once more have failed than may, nothing is granted; and up to that a failure pauses nothing. */
export function aBudgetIsAFence(from: World, { to, outcome, name }: Step, { limits }: System): void {
  if (limits?.maxFailures === undefined || outcome === undefined) return;
  const [before, after] = [driveOf(from), driveOf(to)];
  const [head, next] = [headOf(from), headOf(to)];
  if (head === undefined || next === undefined || head.rolloutId !== next.rolloutId) return;
  const failed = (rollout: RolloutState, drive: Drive | undefined) =>
    (rollout.waves[rollout.currentWave]?.failed ?? 0) +
    lanesOf(drive, "forward").reduce((sum, lane) => sum + lane.failed, 0) -
    (rollout.acknowledged?.wave ?? 0);
  const sameWave = head.currentWave === next.currentWave;
  const grants = (drive: Drive | undefined) =>
    lanesOf(drive, "forward").reduce((sum, lane) => sum + lane.grants, 0);
  if (sameWave && next.state === "in_progress" && grants(after) > grants(before)) {
    holds(failed(next, after) <= Number(limits.maxFailures), `${name} grants though the budget is exceeded`);
  }
  if (head.state === "in_progress" && next.state === "paused") {
    holds(next.pauseKind !== "failure", `${name}: a budget decides what a failure does`);
    const over = failed(next, after) > Number(limits.maxFailures);
    holds(next.pauseKind !== "budget" || over, `${name} pauses for a budget that is not exceeded`);
  }
}

/** What was launched before an operator's Pause has its result when it is paused, and nothing of it is lost. */
export function aPauseWaitsForWhatFlies(from: World, { to, torn, name }: Step): void {
  if (torn) return;
  const [head, next] = [headOf(from), headOf(to)];
  if (head?.state !== "in_progress" || next?.state !== "paused") return;
  const kinds: (typeof next.pauseKind)[] = ["operator", "budget", "regression"];
  if (!kinds.includes(next.pauseKind)) return;
  const flying = lanesOf(driveOf(from), "forward").filter(({ silent }) => silent === undefined);
  const told = flying.reduce((sum, { out, launching }) => sum + out + launching, 0);
  const kept = lanesOf(driveOf(to), "forward");
  holds(inFlightOf(kept) === 0, `${name} pauses with Deploys in flight (${told} before)`);
  holds(driveOf(to)?.lost === driveOf(from)?.lost, `${name} pauses and loses what is in flight`);
}

export function noWaveFollowsAFailureByItself(from: World, { by, to, name }: Step): void {
  const [before, after] = [headOf(from), headOf(to)];
  if (by !== "system" || before === undefined || after === undefined) return;
  const completed = before.state !== "completed" && after.state === "completed";
  if (after.currentWave === before.currentWave && !completed) return;
  const failed = entriesOf(to).filter(
    ({ wave, is }) => wave === before.currentWave && is === "failed",
  ).length;
  const { maxFailures = 0 } = before.limits ?? {};
  const acknowledged = before.acknowledged?.wave ?? from.soaking.acknowledged;
  const most = Number(maxFailures) + acknowledged;
  holds(failed <= most, `${name}: no wave follows one with ${failed} failures by itself`);
}

export function whoBeginsIsWatched({ outcome, to, name, event }: Step): void {
  if (outcome === undefined || event === undefined) return;
  const begins = ["begin", "resume", "beginRollback", "abort", "retryFailed"].includes(event.type);
  const driven = to.shells.some(({ id }) => "invocationId" in event && id === event.invocationId);
  if (begins && driven) holds(outcome.watch !== undefined, `the drive that begins with ${name} is watched`);
}
