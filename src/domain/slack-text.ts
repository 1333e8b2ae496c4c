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
export const SECTION_LIMIT = 3000;
/** A reason longer than this (characters) tells no more in a channel. */
const REASON_LIMIT = 300;

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
