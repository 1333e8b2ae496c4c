import { guardLine } from "./guard.ts";
import { leftBehindNote } from "./left-behind.ts";
import { howManyToRevert, settleByThemselves, whatResumeDoes, whatRollbackDoes } from "./next-steps.ts";
import type { PhaseChange, Progress, Told } from "./phase-change.ts";
import { percent, plural } from "./progress.ts";
import type { Failure } from "./state.ts";
import { KEEPS } from "./view.ts";

/** A Slack message: Block Kit blocks, and the plain text for notifications and for clients without blocks. */
export interface SlackMessage {
  text: string;
  blocks: Block[];
}

type Text = { type: "plain_text"; text: string } | { type: "mrkdwn"; text: string; verbatim: true };
export type Block =
  | { type: "header"; text: Text }
  | { type: "section"; text?: Text; fields?: Text[] }
  | { type: "context"; elements: Text[] };

/** Slack's limits, in characters. */
export const HEADER_LIMIT = 150;
const SECTION_LIMIT = 3000;
/** A reason longer than this (characters) tells no more in a channel, nor does a name. */
const REASON_LIMIT = 300;
const NAME_LIMIT = 80;

interface Draft {
  header: string;
  fields: [name: string, value: string][];
  /** Paragraphs below the numbers; already escaped. */
  body: string[];
}

/** A phase change as Slack shows it. */
export function slackMessage(change: PhaseChange): SlackMessage {
  const { header, fields, body } = draft(change);
  const { image, rolloutId } = change.progress;
  const numbers = [["Image", `\`${escaped(image)}\``], ...fields] as [string, string][];
  const blocks: Block[] = [
    { type: "header", text: { type: "plain_text", text: cut(header, HEADER_LIMIT) } },
    { type: "section", fields: numbers.map(([name, value]) => mrkdwn(`*${name}*\n${value}`)) },
    ...body.map((text): Block => ({ type: "section", text: mrkdwn(cut(text, SECTION_LIMIT)) })),
    { type: "context", elements: [mrkdwn(`rollout ${escaped(rolloutId)}`)] },
  ];
  const text = [header, ...numbers.map(([name, value]) => `${name}: ${value}`), ...body].join(" · ");
  return { text: cut(text, SECTION_LIMIT), blocks };
}

function draft(change: PhaseChange): Draft {
  const p = change.progress;
  const wave = `wave ${p.wave}/${p.waves}`;
  switch (change.kind) {
    case "started":
      return {
        header: `Sentinel rollout started${by(change)}`,
        fields: [
          ["Sentinels", String(p.total)],
          ["Waves", change.waveSizes.join(", ")],
        ],
        body: comment(change),
      };
    case "wave started":
      return {
        header: `Sentinel rollout: ${wave} started`,
        fields: [["Sentinels in this wave", String(p.waveSize)], done(p)],
        body: [],
      };
    case "wave completed":
      return {
        header: `Sentinel rollout: ${wave} completed`,
        fields: [
          ["Sentinels in this wave", String(p.waveSize)],
          done(p),
          ...(change.failed === undefined
            ? []
            : [["Failed in this wave", String(change.failed)] as [string, string]]),
          ["Took", duration(p.waveElapsedMs)],
        ],
        body: [],
      };
    case "rewritten":
      return {
        header: "Sentinel rollout: admission rewrites the image",
        fields: [["Runs as", `\`${escaped(change.to)}\``]],
        body: ["Sentinels that run that one have taken the image."],
      };
    case "paused":
      return {
        header: `Sentinel rollout paused in ${wave}`,
        fields: [done(p), ...notDone(p), ["Running for", duration(p.elapsedMs)]],
        body: [
          `*Why:* ${reason(change.why === "budget" ? capital(change.reason) : change.reason)}`,
          ...failing(change.failures, p.failed),
          nextSteps(change),
        ],
      };
    case "resumed":
      return {
        header: `Sentinel rollout resumed${by(change)}`,
        fields: [done(p), ...notDone(p)],
        body: [
          ...comment(change),
          ...(change.resume === undefined ? [] : [`*Now:* ${whatResumeDoes(p, change.resume)}`]),
        ],
      };
    case "retrying":
      return {
        header: `Sentinel rollout: retrying in ${wave}${by(change)}`,
        fields: [done(p), ...notDone(p)],
        body: [
          ...comment(change),
          `*Now:* deploy ${plural(change.retries, "failed sentinel")} again${change.resume ? ", and go on once none of the wave is failed" : ""}`,
        ],
      };
    case "cancelled":
      return {
        header: `Sentinel rollout cancelled in ${wave}${by(change)}`,
        fields: [done(p), ...notDone(p), ["Ran for", duration(p.elapsedMs)]],
        body: [
          ...comment(change),
          change.aborts
            ? "Nothing more is launched; the rollback begins at once."
            : "Nothing more is launched; sentinels that took the new image keep it.",
          ...(change.inFlight && !change.aborts
            ? [`The ${settleByThemselves(change.inFlight)}; their count follows.`]
            : []),
        ],
      };
    case "settled":
      return {
        header: `Sentinel rollout cancelled: ${change.lost === 0 ? "all in flight have settled" : "not all results are known"}`,
        fields: [done(p), ...notDone(p)],
        body:
          change.lost === 0
            ? []
            : [
                `*Why:* ${plural(change.lost, "Deploy")} in flight ${change.lost === 1 ? "has" : "have"} no result: ${reason(change.why ?? "unknown")}`,
                "*RollbackAll* goes by the rows.",
              ],
      };
    case "silent":
      return {
        header: "Sentinel rollout: the drive does not answer",
        fields: [done(p), ...notDone(p)],
        body: [
          `*Invocation:* ${escaped(change.invocationId)}\n*Why:* ${reason(change.why)}`,
          change.rollingBack
            ? "Resume the invocation in the Restate UI; or kill it, which ends the rollback as interrupted, and call *RollbackAll* again."
            : "Resume the invocation in the Restate UI; or stop with *Cancel*, which does not wait for it, and go back with *RollbackAll*.",
        ],
      };
    case "completed":
      return {
        header: "Sentinel rollout completed",
        fields: [done(p), ...notDone(p), ["Took", duration(p.elapsedMs)]],
        body: failing(change.failures, p.failed),
      };
    case "rollback started":
      return {
        header: `Sentinel rollback started${by(change)}`,
        fields: [
          [
            "To revert",
            howManyToRevert(change.scope ?? { took: change.targets ?? 0, inFlight: 0, unknown: 0 }),
          ],
        ],
        body: [
          ...comment(change),
          change.failedToo === undefined
            ? "Each returns to the image it ran before; failed sentinels are not touched."
            : "Each returns to the image it ran before; failed ones, too.",
        ],
      };
    case "rollback completed":
      return {
        header:
          change.interruption === undefined ? "Sentinel rollback completed" : "Sentinel rollback interrupted",
        fields: [
          ["Reverted", share(change.reverted, change.targets)],
          ["Not reverted", String(change.failed)],
          ["Took", duration(change.durationMs)],
        ],
        body: [
          ...(change.interruption === undefined ? [] : [`*Why:* ${reason(change.interruption)}`]),
          ...failing(change.failures, change.failed),
          ...notReverted(change),
          ...(change.left === undefined ? [] : [leftBehindNote(change.left)]),
        ],
      };
  }
}

/** Behind what happened: who had it happen, where that was said. */
function by({ by: name }: Told): string {
  return name === undefined ? "" : ` by ${cut(escaped(name), NAME_LIMIT)}`;
}

function comment({ comment: why }: Told): string[] {
  return why === undefined ? [] : [`*Comment:* ${reason(why)}`];
}

/** Another call helps only those that are still the rollout's to revert. */
function notReverted({
  failed,
  skipped = 0,
  moved = 0,
  interruption,
}: PhaseChange & { kind: "rollback completed" }): string[] {
  const retry = failed - skipped - moved;
  return [
    ...(skipped === 0 ? [] : [`${skipped} skipped: archived, on standby or deleted.`]),
    ...(moved === 0 ? [] : [`${moved} left alone: on another image since.`]),
    ...(retry === 0 && interruption === undefined
      ? []
      : ["Call *RollbackAll* again to retry those that did not revert."]),
  ];
}

function nextSteps({ progress, why, resume, rollback }: PhaseChange & { kind: "paused" }): string {
  const frozen = why === "freeze";
  const revert =
    rollback === undefined ? "every sentinel that took the new image" : whatRollbackDoes(rollback);
  return [
    "*Next:*",
    `• *Resume* – ${frozen ? "once the freeze has ended, or with `override_freeze` and a comment: " : ""}${resume === undefined ? "go on" : whatResumeDoes(progress, resume)}`,
    ...(frozen ? ["• *Unfreeze* – end the freeze now; the rollout stays paused"] : []),
    `• *Cancel* – ${KEEPS}`,
    ...(revert === undefined ? [] : [`• *RollbackAll* – revert ${revert}`]),
    ...(progress.failed === 0 ? [] : [`• *RetryFailed* – deploy the ${progress.failed} failed again`]),
    `To act on this pause alone, send \`${escaped(guardLine(progress))}\`.`,
  ].join("\n");
}

/** `1h32m`, `2m05s`, `8s`: the two largest units. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  if (h > 0) return `${h}h${two(m)}m`;
  return m > 0 ? `${m}m${two(s)}s` : `${s}s`;
}

function done(p: Progress): [string, string] {
  return ["On the new image", share(p.succeeded - (p.reverted ?? 0), p.total)];
}

/** Skipped and reverted ones are rare: they are named only where there are any. */
function notDone({ failed, skipped, reverted = 0 }: Progress): [string, string][] {
  return [
    ["Failed", String(failed)],
    ...(skipped > 0 ? [["Skipped, no longer running", String(skipped)] as [string, string]] : []),
    ...(reverted > 0 ? [["Reverted", String(reverted)] as [string, string]] : []),
  ];
}

function share(part: number, whole: number): string {
  return whole === 0 ? "0 of 0" : `${part} of ${whole} (${percent(part, whole)} %)`;
}

function failing(failures: Failure[], count: number): string[] {
  if (failures.length === 0) return [];
  const lines = failures.map((failure) => `• \`${escaped(failure.id)}\` ${reason(failure.reason)}`);
  const more = count - failures.length;
  return [["*Failing:*", ...lines, ...(more > 0 ? [`(+${more} more)`] : [])].join("\n")];
}

/** A sentence begins with it. */
function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function reason(text: string): string {
  return cut(escaped(text.replaceAll(/\s+/g, " ")), REASON_LIMIT);
}

/** The three characters that Slack's mrkdwn gives a meaning. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Cuts what is too long, but no character and no escape in two: Slack refuses the one and shows the other. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$|&[a-z]{0,3}$/, "")}…`;
}

/** Verbatim: no URL or name in a failing pod's words becomes a link. */
export function mrkdwn(text: string): Text {
  return { type: "mrkdwn", text, verbatim: true };
}
