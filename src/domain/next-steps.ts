import { sumOf } from "./counts.ts";
import type { Drive } from "./drive-state.ts";
import { type Freeze, isFrozen } from "./freeze.ts";
import { LEGAL } from "./legality.ts";
import { isBudgeted } from "./limits.ts";
import type { ResumeScope, RollbackScope } from "./notification.ts";
import {
  againFlyingOf,
  failedToRevert,
  flyingOf,
  lanesOf,
  leftOverFlyingOf,
  numbersOf,
  plural,
  remaining,
  retryDoneOf,
  retryFlyingOf,
} from "./progress.ts";
import { soakMsOf } from "./soak.ts";
import { span } from "./spans.ts";
import type { Operation, RolloutState, Verb } from "./state.ts";
import { earlierLeft } from "./taken-over.ts";

/** What a Resume would find now. */
export function resumeScope(rollout: RolloutState): ResumeScope {
  const failed = rollout.waves[rollout.currentWave]?.failed ?? 0;
  const soakMs = soakMsOf(rollout);
  return {
    left: remaining(rollout),
    failed,
    ...(isBudgeted(rollout) ? { budgeted: true } : {}),
    ...(soakMs === 0 ? {} : { soakMs }),
    ...(rollout.soakLeftMs ? { soakIsRest: true } : {}),
  };
}

/**
 * What a RollbackAll would find now.
 * @param drive of this rollout
 */
export function rollbackScope(rollout: RolloutState, drive: Drive | undefined): RollbackScope {
  const lanes = lanesOf(drive);
  const pending = (...what: ("succeeded" | "failed" | "skipped" | "reverted" | "stays")[]) =>
    lanes.reduce((sum, lane) => sum + what.reduce((all, each) => all + lane[each], 0), 0);
  const earlier = (
    what: "earlierTook" | "earlierReverted" | "earlierStays" | "leftOverReverted" | "leftOverStays",
  ) => lanes.reduce((sum, lane) => sum + (lane[what] ?? 0), 0);
  const stay = (rollout.stay ?? 0) + pending("stays");
  const stayInAll =
    stay + (rollout.takenOver?.stay ?? 0) + earlier("earlierStays") + earlier("leftOverStays");
  const taken = sumOf(rollout, "succeeded") + pending("succeeded");
  const took = taken - sumOf(rollout, "reverted") - pending("reverted") - stay;
  const numbers = numbersOf(rollout, drive);
  const inFlight = Math.min(flyingOf(lanesOf(drive, "forward")), numbers.inFlight);
  const leftOverPending = earlier("leftOverReverted") + earlier("leftOverStays");
  const earlierPending = earlier("earlierTook") - earlier("earlierReverted") - earlier("earlierStays");
  const leftOverFlying = leftOverFlyingOf(lanesOf(drive, "forward"));
  const takenOver = Math.max(0, earlierLeft(rollout) + earlierPending - leftOverPending - leftOverFlying);
  const { again = 0, unknown: ofEarlier = 0 } = rollout.takenOver ?? {};
  // Those in flight are counted there already.
  const waits = Math.max(0, again - againFlyingOf(lanesOf(drive, "forward")));
  const notLookedAt = drive?.again ? waits + ofEarlier : 0;
  const waiting = numbers.waiting + (rollout.countsTakenOver ? 0 : ofEarlier);
  const retries = retryFlyingOf(lanesOf(drive, "forward")) + retryDoneOf(lanes);
  const results = pending("succeeded", "failed", "skipped");
  const doubtful = remaining(rollout) - (results + inFlight - retries);
  const retried = (rollout.retried ?? 0) - (retryFlyingOf(lanes) - leftOverFlying) - retryDoneOf(lanes);
  const stayFailed = rollout.revertsFailed ? (rollout.stayFailed ?? 0) : 0;
  const failedToo = Math.max(0, failedToRevert(rollout, lanesOf(drive, "forward")) - stayFailed);
  return {
    took: Math.max(0, took),
    ...(failedToo === 0 ? {} : { failed: failedToo }),
    ...(stayInAll + stayFailed === 0 ? {} : { stay: stayInAll + stayFailed }),
    ...(takenOver === 0 ? {} : { takenOver }),
    inFlight,
    // Some of those to be deployed again may be in flight.
    unknown:
      Math.min(waiting, notLookedAt + (drive?.lost ? Math.max(0, doubtful) : 0)) + Math.max(0, retried),
  };
}

/** A sentinel that could not be reverted before is no reason to try again. */
function findsAny({ took, failed = 0, takenOver = 0, inFlight, unknown }: RollbackScope): boolean {
  return took + failed + takenOver + inFlight + unknown > 0;
}

/**
 * What operators are offered: the legal verbs without RetryFailed where no sentinel failed, without a rollback where the rollout
 * rests and nothing is left to revert, and without what is frozen. Freeze and Unfreeze are added.
 * @param freeze that holds
 */
export function offered(
  rollout: RolloutState | undefined,
  drive: Drive | undefined,
  freeze?: Freeze,
): Verb[] {
  const state = rollout?.state ?? "idle";
  const goesBack =
    rollout === undefined || state === "in_progress" || findsAny(rollbackScope(rollout, drive));
  const verbs = LEGAL[state].filter((operation) => {
    if (freeze !== undefined && isFrozen(operation)) return false;
    const failed = rollout === undefined ? 0 : sumOf(rollout, "failed");
    if (operation === "RetryFailed") return failed > 0;
    // With include_failed it is of use for these alone, too.
    if (operation === "Abort" && failed > 0) return true;
    return !WAYS_BACK.has(operation) || goesBack;
  });
  if (freeze !== undefined) return [...verbs, "Unfreeze"];
  return state === "in_progress" || state === "paused" ? [...verbs, "Freeze"] : verbs;
}

const WAYS_BACK: ReadonlySet<Operation> = new Set(["RollbackAll", "Abort"]);

/** The decisions of a pause. Abort is none of its own: there it does what RollbackAll does; and a Freeze decides nothing. */
export function decisions(
  rollout: RolloutState,
  drive: Drive | undefined,
  freeze: Freeze | undefined,
): Verb[] {
  return offered(rollout, drive, freeze).filter((verb) => verb !== "Abort" && verb !== "Freeze");
}

/** Where a paused rollout stands: its wave counts from 1, `failed` are those of all waves. */
interface Standing {
  wave: number;
  waves: number;
  failed: number;
}

/** What Resume does, as a clause. */
export function whatResumeDoes({ wave, waves, failed }: Standing, scope: ResumeScope): string {
  const last = wave >= waves;
  const goOn = last ? "complete the rollout" : `go on with wave ${wave + 1}`;
  const notRetried = last
    ? ` without the failed ${failed === 1 ? "one" : "ones"}`
    : `; the ${failed} failed ${failed === 1 ? "is" : "are"} not retried`;
  const on = failed === 0 ? goOn : `${goOn}${notRetried}`;
  const soaked = soaksFirst(wave, scope);
  const rest = soaked === "" ? on : `${soaked}, then ${on}`;
  if (scope.left === 0) return rest;
  const first = `deploy the ${scope.left} of this wave without a result`;
  return scope.failed === 0 || scope.budgeted
    ? `${first}, then ${rest}`
    : `${first}, then pause again, for ${scope.failed} of it failed`;
}

/** Empty: the wave does not soak. */
function soaksFirst(wave: number, { left, soakMs = 0, soakIsRest }: ResumeScope): string {
  if (soakMs === 0) return "";
  if (soakIsRest) return `soak the ${span(soakMs)} left of wave ${wave}`;
  return `soak ${left > 0 ? "it" : `wave ${wave}`} for ${span(soakMs)}`;
}

/** What RollbackAll does, as a clause; undefined: nothing. */
export function whatRollbackDoes(scope: RollbackScope): string | undefined {
  const { took, failed = 0, takenOver = 0, inFlight, unknown } = scope;
  if (!findsAny(scope)) return undefined;
  const others = [
    ...(failed === 0 ? [] : [`the ${failed} that failed`]),
    ...(takenOver === 0 ? [] : [`the ${takenOver} that an earlier rollout of this image deployed`]),
    ...(inFlight === 0 ? [] : [`those of the ${inFlight} in flight that will`]),
    ...(unknown === 0 ? [] : [`those of the ${unknown} without a result whose rows say so`]),
  ];
  return [...(took === 0 ? [] : [`the ${took} that took it`]), ...others].join(", and ");
}

/** How many a rollback that begins will revert. */
export function howManyToRevert({
  took,
  failed = 0,
  stay = 0,
  takenOver = 0,
  inFlight,
  unknown,
}: RollbackScope): string {
  const again = stay === 0 ? "" : `, and ${stay} that could not be reverted before`;
  const late = inFlight === 0 ? "" : `, and up to ${inFlight} in flight as ${it(inFlight)}`;
  const doubtful = unknown === 0 ? "" : `, and up to ${unknown} without a result, as ${rows(unknown)}`;
  const earlier = takenOver === 0 ? "" : `, and ${takenOver} that an earlier rollout of this image deployed`;
  const failedToo = failed === 0 ? "" : `, and ${failed} that failed`;
  return `${took}${failedToo}${earlier}${again}${late}${doubtful}`;
}

function it(count: number): string {
  return count === 1 ? "it settles" : "they settle";
}

function rows(count: number): string {
  return count === 1 ? "its row tells" : "their rows tell";
}

/** What becomes of the Deploys that are in flight when nothing more is launched. */
export function settleByThemselves(inFlight: number): string {
  return `${plural(inFlight, "Deploy")} in flight ${inFlight === 1 ? "settles by itself" : "settle by themselves"}`;
}
