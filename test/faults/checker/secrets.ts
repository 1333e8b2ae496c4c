import type { Evidence } from "./evidence.ts";
import type { Sight } from "./sight.ts";
import type { Sources } from "./sources.ts";

/** h: no secret in any log, state, journal, error, message or answer. */
export async function noSecretAnywhere(
  sources: Pick<Sources, "sql" | "logs">,
  { secrets, verbs, logFiles }: Pick<Evidence, "secrets" | "verbs" | "logFiles">,
  { after }: Sight,
): Promise<string[]> {
  const texts: [where: string, text: string][] = [
    ...sources.logs().map((text, n): [string, string] => [logFiles[n] ?? "a log", text]),
    ["the state", JSON.stringify(await sources.sql("SELECT * FROM state"))],
    ["the journals", await journals(sources)],
    ["the invocations", JSON.stringify(await sources.sql("SELECT * FROM sys_invocation"))],
    ["the table", JSON.stringify([...after.rows.values()])],
    ["the annotations", JSON.stringify([...after.deployments.values()])],
    ["Slack", JSON.stringify(after.slack)],
    ["the answers", JSON.stringify(verbs)],
  ];
  return Object.entries(secrets).flatMap(([name, secret]) =>
    texts.filter(([, text]) => text.includes(secret)).map(([where]) => `h: the ${name} is in ${where}`),
  );
}

/** `raw` holds what the other columns leave out, as bytes. */
async function journals(sources: Pick<Sources, "sql">): Promise<string> {
  const entries = await sources.sql<{ raw: number[] | string | null }>("SELECT * FROM sys_journal");
  const bytes = entries.map(({ raw }) =>
    typeof raw === "string" ? Buffer.from(raw, "hex").toString("latin1") : "",
  );
  return JSON.stringify(entries) + bytes.join("\n");
}
