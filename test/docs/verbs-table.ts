import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { LEGAL } from "../../src/domain/legality.ts";
import { phaseOf } from "../../src/domain/phase.ts";
import type { Operation } from "../../src/domain/state.ts";
import { MACHINES, VERBS } from "../domain/machines.ts";

export const PAGE = "docs/operating.md";
const BEGIN = "<!-- verbs -->\n";
const END = "<!-- /verbs -->";

/** A rollout of each state, in which something is left to launch and to revert. */
const STATES = {
  idle: "idle",
  in_progress: "in_progress, last wave",
  paused: "paused, by a failure",
  rolling_back: "rolling_back, settled",
  cancelled: "cancelled, Deploys in flight",
  completed: "completed",
} as const satisfies Record<keyof typeof LEGAL, keyof typeof MACHINES>;

/** The phase that a verb leads to, as the core decides it; `409` where it is refused. */
function leadsTo(verb: Operation, machine: keyof typeof MACHINES): string {
  const play = MACHINES[machine]();
  try {
    play.do(VERBS[verb]);
    return `→ \`${phaseOf(play.rollout, play.drive)}\``;
  } catch {
    return "409";
  }
}

export function verbsTable(): string {
  const states = Object.keys(STATES) as (keyof typeof STATES)[];
  const rows = (Object.keys(VERBS) as Operation[]).map(
    (verb) => `| \`${verb}\` | ${states.map((state) => leadsTo(verb, STATES[state])).join(" | ")} |`,
  );
  return [
    `| | ${states.map((state) => `\`${state}\``).join(" | ")} |`,
    `| --- | ${states.map(() => "---").join(" | ")} |`,
    ...rows,
    "",
  ].join("\n");
}

/** The page with the table as it is now. */
export function withTable(page: string): string {
  const [before, after] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)];
  return `${page.slice(0, before)}\n${verbsTable()}\n${page.slice(after)}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(PAGE, withTable(readFileSync(PAGE, "utf8")));
}
