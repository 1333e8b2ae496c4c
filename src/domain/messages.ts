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
import type { Notification } from "./notification.ts";
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

/** A notification as Slack shows it. */
export function slackMessage(notification: Notification): SlackMessage {
  const { header, fields, body } = draft(notification);
  const { image, rolloutId } = notification.progress;
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

function draft(notification: Notification): Draft {
  const p = notification.progress;
  const wave = `wave ${p.wave}/${p.waves}`;
  switch (notification.kind) {
    case "started":
      return {
        header: `Sentinel rollout started${by(notification)}`,
        fields: [
          ["Sentinels", String(p.total)],
          ["Waves", notification.waveSizes.join(", ")],
        ],
        body: comment(notification),
      };
    case "wave started":
      return {
        header: `Sentinel rollout: ${wave} started`,
        fields: [["Sentinels in this wave", String(p.waveSize)], done(p)],
        body: [],
      };
    case "wave completed":
      return {
        header: `Sentinel rollout: ${wave} completed${soaking(notification)}`,
        fields: [
          ["Sentinels in this wave", String(p.waveSize)],
          done(p),
          ...some("Failed in this wave", notification.failed),
          ...some("Regressed so far", notification.regressed),
          ["Took", duration(p.waveElapsedMs)],
        ],
        body: [],
      };
    case "rewritten":
      return {
        header: "Sentinel rollout: admission rewrites the image",
        fields: [["Runs as", `\`${escaped(notification.to)}\``]],
        body: ["Sentinels that run that one have taken the image."],
      };
    case "paused":
      return {
        header: `Sentinel rollout paused in ${wave}`,
        fields: [done(p), ...notDone(p), ["Running for", duration(p.elapsedMs)]],
        body: [
          `*Why:* ${reason(notification.why === "budget" ? capital(notification.reason) : notification.reason)}`,
          ...regressing(notification.regressions ?? [], notification.regressed ?? 0),
          ...failing(notification.failures, p.failed),
          nextSteps(notification),
        ],
      };
    case "regressed":
      return {
        header: `Sentinel rollout: ${notification.regressed} regressed so far`,
        fields: [done(p), ...notDone(p)],
        body: regressing(notification.regressions, notification.regressed),
      };
    case "unseen":
      return {
        header: `Sentinel rollout: not all of ${wave} was seen to soak`,
        fields: [done(p), ...notDone(p)],
        body: [
          `*Why:* ${reason(`${notification.clusters.join(", ")} ${notification.clusters.length === 1 ? "does" : "do"} not answer: whether sentinels there have broken is not known`)}`,
        ],
      };
    case "resumed":
      return {
        header: `Sentinel rollout resumed${by(notification)}`,
        fields: [done(p), ...notDone(p)],
        body: [
          ...comment(notification),
          ...(notification.resume === undefined ? [] : [`*Now:* ${whatResumeDoes(p, notification.resume)}`]),
        ],
      };
    case "retrying":
      return {
        header: `Sentinel rollout: retrying in ${wave}${by(notification)}`,
        fields: [done(p), ...notDone(p)],
        body: [
          ...comment(notification),
          `*Now:* deploy ${plural(notification.retries, "failed sentinel")} again${notification.resume ? ", and go on once none of the wave is failed" : ""}`,
        ],
      };
    case "cancelled":
      return {
        header: `Sentinel rollout cancelled in ${wave}${by(notification)}`,
        fields: [done(p), ...notDone(p), ["Ran for", duration(p.elapsedMs)]],
        body: [
          ...comment(notification),
          notification.aborts
            ? "Nothing more is launched; the rollback begins at once."
            : "Nothing more is launched; sentinels that took the new image keep it.",
          ...(notification.inFlight && !notification.aborts
            ? [`The ${settleByThemselves(notification.inFlight)}; their count follows.`]
            : []),
        ],
      };
    case "settled":
      return {
        header: `Sentinel rollout cancelled: ${notification.lost === 0 ? "all in flight have settled" : "not all results are known"}`,
        fields: [done(p), ...notDone(p)],
        body:
          notification.lost === 0
            ? []
            : [
                `*Why:* ${plural(notification.lost, "Deploy")} in flight ${notification.lost === 1 ? "has" : "have"} no result: ${reason(notification.why ?? "unknown")}`,
                "*RollbackAll* goes by the rows.",
              ],
      };
    case "silent":
      return {
        header: "Sentinel rollout: the drive does not answer",
        fields: [done(p), ...notDone(p)],
        body: [
          `*Invocation:* ${escaped(notification.invocationId)}\n*Why:* ${reason(notification.why)}`,
          notification.rollingBack
            ? "Resume the invocation in the Restate UI; or kill it, which ends the rollback as interrupted, and call *RollbackAll* again."
            : "Resume the invocation in the Restate UI; or stop with *Cancel*, which does not wait for it, and go back with *RollbackAll*.",
        ],
      };
    case "completed":
      return {
        header: "Sentinel rollout completed",
        fields: [done(p), ...notDone(p), ["Took", duration(p.elapsedMs)]],
        body: [
          ...(notification.asked === undefined
            ? []
            : [`*Pause:* nothing was left to launch when ${reason(notification.asked)}`]),
          ...failing(notification.failures, p.failed),
        ],
      };
    case "rollback started":
      return {
        header: `Sentinel rollback started${by(notification)}`,
        fields: [
          [
            "To revert",
            howManyToRevert(
              notification.scope ?? { took: notification.targets ?? 0, inFlight: 0, unknown: 0 },
            ),
          ],
        ],
        body: [
          ...comment(notification),
          notification.failedToo === undefined
            ? "Each returns to the image it ran before; failed sentinels are not touched."
            : "Each returns to the image it ran before; failed ones, too.",
        ],
      };
    case "rollback completed":
      return {
        header:
          notification.interruption === undefined
            ? "Sentinel rollback completed"
            : "Sentinel rollback interrupted",
        fields: [
          ["Reverted", share(notification.reverted, notification.targets)],
          ["Not reverted", String(notification.failed)],
          ["Took", duration(notification.durationMs)],
        ],
        body: [
          ...(notification.interruption === undefined ? [] : [`*Why:* ${reason(notification.interruption)}`]),
          ...failing(notification.failures, notification.failed),
          ...notReverted(notification),
          ...(notification.left === undefined ? [] : [leftBehindNote(notification.left)]),
        ],
      };
  }
}

/** Where a wave is watched before the next one begins. */
function soaking({ soak }: Notification & { kind: "wave completed" }): string {
  return soak === undefined ? "" : `, soaking ${span(soak.ms)} until ${clock(soak.untilMs)}`;
}

/** Of what is rare: it is named only where there is any. */
function some(name: string, count: number | undefined): [string, string][] {
  return count === undefined ? [] : [[name, String(count)]];
}
