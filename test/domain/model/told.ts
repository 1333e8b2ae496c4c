import type { Drive } from "../../../src/domain/drive-state.ts";
import { offered } from "../../../src/domain/next-steps.ts";
import { numbersOf } from "../../../src/domain/progress.ts";
import type { RolloutState } from "../../../src/domain/state.ts";
import { isLeftOver } from "../../../src/domain/tally.ts";
import { holds, isWhole } from "./holds.ts";
import { entriesOf } from "./recorded.ts";
import { driveOf, headOf } from "./steps.ts";
import type { Step, System, World } from "./world.ts";

/** No phase changes with these. */
const ASIDE = new Set(["silent", "settled", "regressed", "unseen"]);

/** Slack hears of each phase change and of nothing else, in numbers that can be true. */
export function everyPhaseChangeIsTold(from: World, { outcome, to, name }: Step, system: System): void {
  if (outcome === undefined) return;
  const [before, after] = [headOf(from), headOf(to)];
  const changed =
    before?.rolloutId !== after?.rolloutId ||
    before?.state !== after?.state ||
    before?.currentWave !== after?.currentWave ||
    // An operator has a pause stay one.
    before?.rollsBack !== after?.rollsBack ||
    (before?.soakUntilMs === undefined && after?.soakUntilMs !== undefined);
  const notifications = outcome.notifications.filter(({ kind }) => !ASIDE.has(kind));
  const kinds = notifications.map(({ kind }) => kind);
  // The end of a rollback was written, and cut short before anybody was told.
  const late = before?.state !== "rolling_back" && driveOf(from)?.rollback !== undefined;
  const right = changed ? notifications.length > 0 : notifications.length === 0 || late;
  holds(right, `${name} tells of [${kinds}]: ${before?.state} is ${after?.state} then`);
  holds(new Set(kinds).size === kinds.length, `${name} tells nothing twice`);
  for (const notification of notifications) {
    const { succeeded, failed, skipped, total, wave, waves } = notification.progress;
    holds(succeeded + failed + skipped <= total && wave >= 1 && wave <= waves, `${name} tells true numbers`);
    if (notification.kind === "rollback started") {
      const { took = 0, inFlight = 0, unknown = 0 } = notification.scope ?? {};
      holds(took + inFlight + unknown <= total, `${name} counts what it will do`);
    }
    if (notification.kind !== "rollback completed") continue;
    holds(
      notification.reverted >= 0 && notification.reverted <= notification.targets,
      "no more were reverted than there were",
    );
    holds(
      notification.failed === notification.targets - notification.reverted,
      "who was not reverted is counted",
    );
    const failedToo = headOf(to)?.revertsFailed === true;
    const left = entriesOf(to).filter(
      ({ is }) => is === "succeeded" || (failedToo && is === "failed"),
    ).length;
    // A notification that was cut short may have left the count of a rollback behind its parts.
    const whole = (["kill", "torn"] as const).every(
      (fault) => from.left[fault] === (system.left[fault] ?? 0),
    );
    holds(
      !whole || left <= notification.failed,
      `${name} tells of ${notification.failed} not reverted: ${left}`,
    );
    const first = waysBack(from.left) === waysBack(system.left) - 1;
    if (isWhole(to, system) && first && notification.interruption === undefined) {
      const { reverted, succeeded: took } = notification.progress;
      const numbers = `${notification.reverted} of ${notification.targets}, which are ${reverted} of ${took}`;
      holds(
        notification.reverted === reverted && notification.targets === took,
        `${name} tells of ${numbers}`,
      );
    }
    const never = (notification.skipped ?? 0) + (notification.moved ?? 0);
    holds(never <= notification.failed, "who cannot be reverted any more was not reverted");
    const rollout = headOf(to);
    if (rollout === undefined || !isWhole(to, system) || notification.interruption !== undefined) continue;
    const isOffered = offered(rollout, driveOf(to)).includes("RollbackAll");
    holds(
      never < notification.failed || !isOffered,
      `${name}: RollbackAll is offered for those that can never revert`,
    );
  }
}

function waysBack({ RollbackAll = 0, Abort = 0 }: System["left"]): number {
  return RollbackAll + Abort;
}

/**
 * Whoever cancels with Deploys in flight is told how many there are, and once, when they have settled, what they came to; a
 * rollback that begins meanwhile tells it itself.
 */
export function theCountFollowsACancel(from: World, { outcome, to, name }: Step): void {
  if (outcome === undefined) return;
  const [before, after] = [driveOf(from), driveOf(to)];
  const cancelled = outcome.notifications.find((notification) => notification.kind === "cancelled");
  if (cancelled?.kind === "cancelled") {
    const flying = numbersOf(headOf(from) as RolloutState, before).inFlight;
    holds(cancelled.inFlight === flying, `${name} tells of ${cancelled.inFlight} in flight: ${flying}`);
  }
  const told = outcome.notifications.filter((notification) => notification.kind === "settled");
  const own = told.filter(({ progress }) => progress.rolloutId === headOf(to)?.rolloutId);
  const owed = (drive: Drive | undefined) => drive?.settles !== undefined;
  const owes = owed(before) || cancelled?.kind === "cancelled";
  for (const { progress } of own) {
    holds(owes && !owed(after), `${name} tells once that all have settled`);
    holds(headOf(to)?.state === "cancelled", `${name} tells of a Cancel while it is ${headOf(to)?.state}`);
    holds(numbersOf(headOf(to) as RolloutState, after).inFlight === 0, `${name}: nothing is in flight`);
    const along = headOf(to)?.countsTakenOver === true;
    const entries = entriesOf(to).filter(({ wave }) => along || wave >= 0);
    const back = headOf(to)?.revertsFailed === true;
    const took = entries.filter(
      (entry) =>
        ["succeeded", "reverted"].includes(entry.is) ||
        (along && isLeftOver(entry)) ||
        (back && entry.is === "failed"),
    ).length;
    holds(progress.succeeded === took, `${name} tells that ${progress.succeeded} took the image: ${took}`);
  }
  const goesOn = before?.rolloutId === after?.rolloutId && headOf(to)?.state === "cancelled";
  if (goesOn && owed(before) && !owed(after) && headOf(from)?.state === "cancelled") {
    holds(own.length === 1, `${name} tells that all have settled`);
  }
}

/** Everything that becomes of a sentinel is told to the history, and nothing else is. */
export function everyOutcomeIsKept(from: World, { outcome, to, event, name }: Step): void {
  if (outcome === undefined || event?.type === "begin") return;
  const before = new Map(entriesOf(from).map((entry) => [entry.id, entry]));
  // What a rollout had still in flight when another one began is told under its own id.
  const { rolloutId } = headOf(to) ?? {};
  const told = outcome.history.flatMap(({ entry }) =>
    entry.rollout.rolloutId === rolloutId ? entry.outcomes : [],
  );
  const words = told.map((each) => `${each.sentinelId} ${each.outcome} ${each.wave}`);
  for (const { id, is, wave } of entriesOf(to)) {
    const was = before.get(id)?.is;
    if (was === is) continue;
    if (is === "waiting") continue;
    // What is taken over from an earlier rollout was told under that one's id; and so was that it took the image.
    if (wave < 0 && (was === undefined || is === "succeeded")) continue;
    holds(words.includes(`${id} ${is} ${wave + 1}`), `${name} tells the history that ${id} ${is}`);
    if (is === "reverted" && was === "waiting" && wave >= 0) {
      holds(
        words.includes(`${id} succeeded ${wave + 1}`),
        `${name} tells the history that ${id} took the image`,
      );
    }
  }
  const after = new Map(entriesOf(to).map((entry) => [entry.id, entry]));
  for (const { sentinelId, outcome: is } of told) {
    const now = after.get(sentinelId)?.is;
    holds(
      now === is || (now === "reverted" && (is === "succeeded" || after.get(sentinelId)?.why !== undefined)),
      `${name} tells that ${sentinelId} ${is}: ${now}`,
    );
  }
}
