import { guardLine } from "./guard.ts";
import { whatResumeDoes, whatRollbackDoes } from "./next-steps.ts";
import type { Notification, Progress, Told } from "./notification.ts";
import { percent } from "./progress.ts";
import { KEEPS } from "./sentence.ts";
import { cut, escaped, reason } from "./slack-text.ts";
import { clock } from "./spans.ts";
import type { Failure, KnownRegression } from "./state.ts";

/** What several messages have in common. */

/** A name longer than this (characters) tells no more in a channel. */
const NAME_LIMIT = 80;

/** Behind what happened: who had it happen, where that was said. */
export function by({ by: name }: Told): string {
  return name === undefined ? "" : ` by ${cut(escaped(name), NAME_LIMIT)}`;
}

export function comment({ comment: why }: Told): string[] {
  return why === undefined ? [] : [`*Comment:* ${reason(why)}`];
}

/** Another call helps only those that are still the rollout's to revert. */
export function notReverted({
  failed,
  skipped = 0,
  moved = 0,
  interruption,
}: Notification & { kind: "rollback completed" }): string[] {
  const retry = failed - skipped - moved;
  return [
    ...(skipped === 0 ? [] : [`${skipped} skipped: archived, on standby or deleted.`]),
    ...(moved === 0 ? [] : [`${moved} left alone: on another image since.`]),
    ...(retry === 0 && interruption === undefined
      ? []
      : ["Call *RollbackAll* again to retry those that did not revert."]),
  ];
}

export function nextSteps(notification: Notification & { kind: "paused" }): string {
  const { progress, why, resume, rollback, rollsBack } = notification;
  const frozen = why === "freeze" || notification.frozen === true;
  const thawed = frozen ? "once the freeze has ended, or with `override_freeze` and a comment: " : "";
  const revert =
    rollback === undefined ? "every sentinel that took the new image" : whatRollbackDoes(rollback);
  return [
    ...(rollsBack
      ? [`*Next:* *RollbackAll* begins by itself, as the rollout asks for${reverts(revert)}. ${SOONER}`]
      : ["*Next:*"]),
    `• *Resume* – ${thawed}${resume === undefined ? "go on" : whatResumeDoes(progress, resume)}`,
    ...(frozen ? ["• *Unfreeze* – end the freeze now; the rollout stays paused"] : []),
    `• *Cancel* – ${KEEPS}`,
    ...(revert === undefined || rollsBack ? [] : [`• *RollbackAll* – revert ${revert}`]),
    ...(progress.failed === 0
      ? []
      : [`• *RetryFailed* – ${thawed}deploy the ${progress.failed} failed again`]),
    `To act on this pause alone, send \`${escaped(guardLine(progress))}\`.`,
  ].join("\n");
}

const SOONER = "Whoever calls another verb before it has begun decides instead:";

function reverts(whom: string | undefined): string {
  return whom === undefined ? "" : `, and reverts ${whom}`;
}

export function done(p: Progress): [string, string] {
  return ["On the new image", share(p.succeeded - (p.reverted ?? 0), p.total)];
}

/** Skipped and reverted ones are rare: they are named only where there are any. */
export function notDone({ failed, skipped, reverted = 0 }: Progress): [string, string][] {
  return [
    ["Failed", String(failed)],
    ...(skipped > 0 ? [["Skipped, no longer running", String(skipped)] as [string, string]] : []),
    ...(reverted > 0 ? [["Reverted", String(reverted)] as [string, string]] : []),
  ];
}

export function share(part: number, whole: number): string {
  return whole === 0 ? "0 of 0" : `${part} of ${whole} (${percent(part, whole)} %)`;
}

export function failing(failures: Failure[], count: number): string[] {
  if (failures.length === 0) return [];
  const lines = failures.map((failure) => `• \`${escaped(failure.id)}\` ${reason(failure.reason)}`);
  const more = count - failures.length;
  return [["*Failing:*", ...lines, ...(more > 0 ? [`(+${more} more)`] : [])].join("\n")];
}

/** Those that broke after they had come up: the newest of so many. */
export function regressing(regressions: readonly KnownRegression[], count: number): string[] {
  if (regressions.length === 0) return [];
  const lines = regressions.map(
    ({ id, sinceMs, why, recovered }) =>
      `• \`${escaped(id)}\` since ${clock(sinceMs)}: ${reason(why)}${recovered ? " – recovered" : ""}`,
  );
  const more = count - regressions.length;
  return [["*Regressed:*", ...lines, ...(more > 0 ? [`(+${more} more)`] : [])].join("\n")];
}

/** A sentence begins with it. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
