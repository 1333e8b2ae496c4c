import { globSync, readFileSync } from "node:fs";

export interface DocumentedCommand {
  file: string;
  /** As one would paste it, without the comment behind it. */
  text: string;
}

/** Everything that tells people how to use the project, or to change it. */
export const DOCUMENTS: readonly string[] = globSync([
  "*.md",
  ".github/**/*.md",
  "docs/**/*.md",
  "deploy/**/*.md",
]).sort();

/** Every command of the documentation: of fenced blocks marked `bash` or `sh`, continued lines joined. */
export function documentedCommands(): DocumentedCommand[] {
  return DOCUMENTS.flatMap((file) =>
    blocks(readFileSync(file, "utf8"))
      .flatMap(commands)
      .map((text) => ({ file, text })),
  );
}

function blocks(markdown: string): string[] {
  return [...markdown.matchAll(/^( *)```(?:bash|sh)\n(.*?)^\1```/gms)].map(([, , text = ""]) => text);
}

function commands(block: string): string[] {
  const found: string[] = [];
  let open = "";
  for (const line of block.replaceAll(/\\\n\s*/g, " ").split("\n")) {
    open = open === "" ? line.trim() : `${open}\n${line}`;
    // A JSON body may span lines: as long as a quote is open.
    if (open.split("'").length % 2 === 0) continue;
    const text = open.replace(/(^|\s+)#\s.*$/, "").replaceAll(/ +/g, " ");
    if (text !== "") found.push(text);
    open = "";
  }
  return found;
}
