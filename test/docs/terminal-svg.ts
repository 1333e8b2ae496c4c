const [CHARACTER_PX, LINE_PX, MARGIN_PX] = [8.4, 20, 16];
/** Spaces that stand together would become one. */
const ESCAPED: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", " ": "\u00a0" };

/** Lines of a terminal as a picture; each has the width of its characters, whatever font there is. */
export function terminalSvg(title: string, lines: readonly string[], columns: number): string {
  const width = Math.ceil(columns * CHARACTER_PX + 2 * MARGIN_PX);
  const height = lines.length * LINE_PX + 2 * MARGIN_PX;
  const texts = lines.map((line, i) => {
    const length = ([...line].length * CHARACTER_PX).toFixed(1);
    const baseline = MARGIN_PX + (i + 0.75) * LINE_PX;
    return `<text x="${MARGIN_PX}" y="${baseline}" textLength="${length}">${escaped(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" rx="8" fill="#1e1e2e"/>
<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#cdd6f4">
${texts.join("\n")}
</g>
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<> ]/g, (character) => ESCAPED[character] ?? character);
}
