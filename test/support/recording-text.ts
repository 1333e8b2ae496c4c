/** Longest line of what is written as one. */
const LINE_LENGTH = 110;

/** JSON for a recording: what happened at one moment is one line, so that a difference shows which moments differ. */
export function recordingText(value: unknown): string {
  return `${textOf(value, "")}\n`;
}

function textOf(value: unknown, indent: string): string {
  const line = JSON.stringify(value);
  if (isMoment(value) || typeof value !== "object" || value === null) return line;
  if (indent !== "" && line.length + indent.length <= LINE_LENGTH) return line;
  const inner = `${indent} `;
  if (Array.isArray(value)) {
    return `[\n${value.map((each) => inner + textOf(each, inner)).join(",\n")}\n${indent}]`;
  }
  const fields = Object.entries(value).map(
    ([key, each]) => `${inner}${JSON.stringify(key)}: ${textOf(each, inner)}`,
  );
  return `{\n${fields.join(",\n")}\n${indent}}`;
}

/** An event of a watch, or one transition with its reply. */
function isMoment(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("type" in value || "reply" in value);
}
