import { frozenBy } from "./freeze.ts";
import type { FreezeChange } from "./freeze-change.ts";
import { type Block, cut, escaped, HEADER_LIMIT, mrkdwn, reason, type SlackMessage } from "./slack-text.ts";

/** What becomes of a freeze, as Slack shows it. */
export function freezeMessage(change: FreezeChange): SlackMessage {
  const header = cut(headerOf(change), HEADER_LIMIT);
  const body = bodyOf(change);
  const blocks: Block[] = [
    { type: "header", text: { type: "plain_text", text: header } },
    ...body.map((text): Block => ({ type: "section", text: mrkdwn(text) })),
  ];
  return { text: [header, ...body].join(" · "), blocks };
}

function headerOf(change: FreezeChange): string {
  switch (change.kind) {
    case "frozen":
      return `Sentinel rollouts frozen by ${escaped(change.freeze.by)}`;
    case "unfrozen":
      return `Sentinel rollouts unfrozen by ${escaped(change.by)}`;
    case "freeze ended":
      return "Sentinel rollouts: freeze ended";
  }
}

function bodyOf(change: FreezeChange): string[] {
  const { freeze } = change;
  const comment =
    "comment" in change && change.comment !== undefined ? [`*Comment:* ${reason(change.comment)}`] : [];
  if (change.kind !== "frozen") {
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
    ...whatRuns(change),
    "*Rollout*, *Resume* and *RetryFailed* are refused, but with `override_freeze` and a comment. *Pause*, *Cancel*, *Abort* and *RollbackAll* are not.",
  ];
}

function whatRuns({ running }: FreezeChange & { kind: "frozen" }): string[] {
  if (running === undefined) return [];
  const { image, rolloutId, wave, waves } = running;
  const then =
    wave < waves ? `is paused at the end of wave ${wave}/${waves}` : "goes on, for this wave is its last";
  return [`The rollout of \`${escaped(image)}\` (${escaped(rolloutId)}) ${then}.`];
}
