import { execa } from "execa";

export const CLI = "src/live-view/cli.ts";

/** `npm run watch` without a terminal; an ingress or a token of this shell does not reach it. */
export function watch(args: string[], env: Record<string, string> = {}) {
  return execa(process.execPath, [CLI, ...args], {
    reject: false,
    stdin: "ignore",
    env: { RESTATE_URL: "", RESTATE_TOKEN: "", ...env },
  });
}
