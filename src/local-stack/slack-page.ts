/** A message as the webhook got it. */
export interface ReceivedMessage {
  received_at: string;
  /** The plain-text fallback. */
  text: string;
  [part: string]: unknown;
}

/** The channel as plain text, for a terminal. */
export function readableText(messages: readonly ReceivedMessage[]): string {
  if (messages.length === 0) return "no messages yet\n";
  return `${messages.map(paragraph).join("\n\n")}\n`;
}

/** The channel as a page that follows what arrives. */
export function readableHtml(messages: readonly ReceivedMessage[]): string {
  return [
    "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=2><title>Slack messages</title>",
    "<style>body{font:15px system-ui;max-width:50em;margin:2em auto;white-space:pre-wrap}</style>",
    `<body>${escapeHtml(readableText(messages))}</body>`,
  ].join("\n");
}

function paragraph(message: ReceivedMessage): string {
  const lines = blockTexts(message.blocks);
  const [first = "", ...rest] = lines.length > 0 ? lines : message.text.split("\n");
  return [`${message.received_at.slice(11, 19)}  ${first}`, ...rest.map((line) => `          ${line}`)].join(
    "\n",
  );
}

/** Every text of a message's blocks in order, one line each. */
function blockTexts(part: unknown): string[] {
  if (Array.isArray(part)) return part.flatMap(blockTexts);
  if (typeof part !== "object" || part === null) return [];
  if ("text" in part && typeof part.text === "string") return mrkdwnLines(part.text);
  return Object.values(part).flatMap(blockTexts);
}

/** A field is a bold name with its value on the next line: shown as one line. */
function mrkdwnLines(text: string): string[] {
  return text
    .replace(/^\*([^*\n]+)\*\n/, "$1: ")
    .replace(/[*`]/g, "")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&")
    .split("\n");
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
