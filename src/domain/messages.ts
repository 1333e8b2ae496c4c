import { leftBehindNote } from "./left-behind.ts";
import {
  by,
  capital,
  comment,
  done,
  failing,
  nextSteps,
  notDone,
  notReverted,
  regressing,
  share,
} from "./message-parts.ts";
import { howManyToRevert, settleByThemselves, whatResumeDoes } from "./next-steps.ts";
import type { PhaseChange } from "./phase-change.ts";
import { plural } from "./progress.ts";
import {
  type Block,
  cut,
  escaped,
  HEADER_LIMIT,
  mrkdwn,
  reason,
  SECTION_LIMIT,
  type SlackMessage,
} from "./slack-text.ts";
import { clock, duration, span } from "./spans.ts";

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
        header: `Sentinel rollout: ${wave} completed${soaking(change)}`,
        fields: [
          ["Sentinels in this wave", String(p.waveSize)],
          done(p),
          ...some("Failed in this wave", change.failed),
          ...some("Regressed so far", change.regressed),
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
          ...regressing(change.regressions ?? [], change.regressed ?? 0),
          ...failing(change.failures, p.failed),
          nextSteps(change),
        ],
      };
    case "regressed":
      return {
        header: `Sentinel rollout: ${change.regressed} regressed so far`,
        fields: [done(p), ...notDone(p)],
        body: regressing(change.regressions, change.regressed),
      };
    case "unseen":
      return {
        header: `Sentinel rollout: not all of ${wave} was seen to soak`,
        fields: [done(p), ...notDone(p)],
        body: [
          `*Why:* ${reason(`${change.clusters.join(", ")} ${change.clusters.length === 1 ? "does" : "do"} not answer: whether sentinels there have broken is not known`)}`,
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

/** Where a wave is watched before the next one begins. */
function soaking({ soak }: PhaseChange & { kind: "wave completed" }): string {
  return soak === undefined ? "" : `, soaking ${span(soak.ms)} until ${clock(soak.untilMs)}`;
}

/** Of what is rare: it is named only where there is any. */
function some(name: string, count: number | undefined): [string, string][] {
  return count === undefined ? [] : [[name, String(count)]];
}
