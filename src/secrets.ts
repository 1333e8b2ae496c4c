/** Takes configured secrets out of a text that somebody will read. */
export type Redact = (text: string) => string;

const HIDDEN = "[secret]";
/** A shorter one may be a word that is in any line; it is looked for only where it is used as a secret. */
const WORD_LENGTH = 12;

/**
 * The last net. No code writes a secret; this catches mistakes. It finds secrets as they are, as they are in a URL, and as
 * they are in JSON.
 */
export function createRedactor(secrets: readonly string[]): Redact {
  const forms = [...new Set(secrets.filter((secret) => secret !== "").flatMap(formsOf))]
    // The longest first: one may be a part of another.
    .sort((one, other) => other.length - one.length);
  return (text) => forms.reduce((shown, form) => shown.replaceAll(form, hidden(form)), text);
}

function formsOf(secret: string): string[] {
  const spelled = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
  return secret.length >= WORD_LENGTH ? spelled : spelled.flatMap((each) => [`:${each}@`, `Bearer ${each}`]);
}

function hidden(form: string): string {
  if (form.startsWith(":") && form.endsWith("@")) return `:${HIDDEN}@`;
  return form.startsWith("Bearer ") ? `Bearer ${HIDDEN}` : HIDDEN;
}

/** Every secret among the variables, whether they are valid or not. */
export function secretsOf(env: Record<string, string | undefined>): string[] {
  const database = passwordOf(env.DATABASE_URL ?? "");
  const webhook = env.SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL ?? "";
  const headers = [env.OTEL_EXPORTER_OTLP_HEADERS, env.OTEL_EXPORTER_OTLP_TRACES_HEADERS].flatMap(valuesOf);
  const path = URL.parse(webhook)?.pathname ?? "";
  return [
    ...database,
    env.RESTATE_TOKEN ?? "",
    env.RESTATE_ADMIN_TOKEN ?? "",
    webhook,
    path === "/" ? "" : path,
    ...headers,
  ];
}

/** As it is in the URL, and as it is sent. */
function passwordOf(url: string): string[] {
  const password = URL.parse(url)?.password ?? "";
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

/** Of `name=value,name=value`, with percent-encoded values. */
function valuesOf(headers = ""): string[] {
  return headers.split(",").flatMap((pair) => {
    const value = pair.slice(pair.indexOf("=") + 1).trim();
    try {
      return [value, decodeURIComponent(value)];
    } catch {
      return [value];
    }
  });
}
