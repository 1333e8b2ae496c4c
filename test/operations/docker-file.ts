import { readFileSync } from "node:fs";

export interface Instruction {
  name: string;
  /** The rest of it, on one line. */
  text: string;
}

export interface Stage {
  name: string;
  from: string;
  instructions: Instruction[];
}

/** The stages of a Dockerfile, with its global ARGs put in. */
export function readStages(path: string): Stage[] {
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .join("\n")
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "");
  const args = new Map<string, string>();
  const stages: Stage[] = [];
  for (const line of lines) {
    const [, name = "", text = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (name === "FROM") {
      const [image = "", , alias = ""] = text.split(" ");
      const from = image.replaceAll(/\$\{(\w+)\}/g, (_, arg) => args.get(arg) ?? "");
      stages.push({ from, name: alias, instructions: [] });
    } else if (stages.length === 0) {
      const [arg = "", value = ""] = text.split("=");
      args.set(arg, value);
    } else {
      stages.at(-1)?.instructions.push({ name, text });
    }
  }
  return stages;
}

/** What a stage's COPYs take: from another stage, or (no stage) from the build's context. */
export function copies({ instructions }: Stage): { stage?: string; sources: string[] }[] {
  return instructions
    .filter(({ name }) => name === "COPY")
    .map(({ text }) => {
      const words = text.split(" ");
      const stage = words.find((word) => word.startsWith("--from="))?.slice("--from=".length);
      const sources = words.filter((word) => !word.startsWith("--")).slice(0, -1);
      return { ...(stage === undefined ? {} : { stage }), sources };
    });
}

/** The last instruction of that name; of a HEALTHCHECK its command. */
export function instruction(stage: Stage, wanted: string): string {
  return stage.instructions.findLast(({ name }) => name === wanted)?.text ?? "";
}
