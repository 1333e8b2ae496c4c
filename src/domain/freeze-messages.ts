import { frozenBy } from "./freeze.ts";
import type { FreezeNotification } from "./freeze-notification.ts";
import { type Block, cut, escaped, HEADER_LIMIT, mrkdwn, reason, type SlackMessage } from "./slack-text.ts";

/** What becomes of a freeze, as Slack shows it. */
export function freezeMessage(notification: FreezeNotification): SlackMessage {
  const header = cut(headerOf(notification), HEADER_LIMIT);
  const body = bodyOf(notification);
  const blocks: Block[] = [
    { type: "header", text: { type: "plain_text", text: header } },
    ...body.map((text): Block => ({ type: "section", text: mrkdwn(text) })),
  ];
  return { text: [header, ...body].join(" · "), blocks };
}

function headerOf(notification: FreezeNotification): string {
  switch (notification.kind) {
    case "frozen":
      return `Sentinel rollouts frozen by ${escaped(notification.freeze.by)}`;
    case "unfrozen":
      return `Sentinel rollouts unfrozen by ${escaped(notification.by)}`;
    case "freeze ended":
      return "Sentinel rollouts: freeze ended";
  }
}

function bodyOf(notification: FreezeNotification): string[] {
  const { freeze } = notification;
  const comment =
    "comment" in notification && notification.comment !== undefined
      ? [`*Comment:* ${reason(notification.comment)}`]
      : [];
  if (notification.kind !== "frozen") {
    return [
      `*Was:* ${reason(frozenBy(freeze))}`,
      ...comment,
      "A paused rollout stays paused until somebody resumes it.",
    ];
  }
  const until = freeze.until === undefined ? "somebody calls *Unfreeze*" : escaped(freeze.until.iso);
  return [
    `*Until:* ${until}\n*Why:* ${reason(freeze.reason)}`,
    ...comment,
    ...whatRuns(notification),
    "*Rollout*, *Resume* and *RetryFailed* are refused, but with `override_freeze` and a comment. *Pause*, *Cancel*, *Abort* and *RollbackAll* are not.",
  ];
}

function whatRuns({ running }: FreezeNotification & { kind: "frozen" }): string[] {
  if (running === undefined) return [];
  const { image, rolloutId, wave, waves } = running;
  const then =
    wave < waves ? `is paused at the end of wave ${wave}/${waves}` : "goes on, for this wave is its last";
  return [`The rollout of \`${escaped(image)}\` (${escaped(rolloutId)}) ${then}.`];
}
