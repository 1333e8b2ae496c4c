import { readFileSync } from "node:fs";
import { execa } from "execa";
import type { Stack } from "../../src/local-stack/stack.ts";

/** A shell in which somebody follows the documentation on a stack: with its exports made. */
export function shell(stack: Stack) {
  const env = {
    RESTATE_URL: stack.ingress,
    RESTATE_TOKEN: "unused-here",
    RESTATE_ADMIN_URL: stack.admin,
    KUBECONFIG: stack.kubeconfig,
    DATABASE_URL: stack.databaseUrl,
    DO_NOT_TRACK: "1",
  };
  return async (documented: string): Promise<{ exitCode: number; output: string }> => {
    const text = documented
      .replaceAll("http://localhost:9081", stack.health)
      .replace(/^npm run db:migrate(?: --)?/, migration);
    const { exitCode, all } = await execa("bash", ["-c", text], {
      env,
      all: true,
      reject: false,
      stdin: "ignore",
      timeout: 60_000,
    });
    return { exitCode: exitCode ?? -1, output: all };
  };
}

/** Without the build before it, which would change dist/ under the feet of the tests beside this one. */
function migration(): string {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
  return scripts["db:migrate"].split(" && ").at(-1);
}
