import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { createLogger } from "../../src/log.ts";
import { createRedactor, secretsOf } from "../../src/secrets.ts";

const SECRETS = {
  DATABASE_URL: "mysql://u:p%22a%5Css%20w%40rd-of-db@db:3306/x",
  RESTATE_TOKEN: 'a"token\\of-the-ingress',
  RESTATE_ADMIN_TOKEN: "token/of-the-admin-api",
  SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL: "https://hooks.slack.com/services/T000/B000/webhook-secret",
  OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20of-the-collector,x-tenant=tenant-secret-1",
};
const TOLD = [
  "p%22a%5Css%20w%40rd-of-db",
  'p"a\\ss w@rd-of-db',
  SECRETS.RESTATE_TOKEN,
  SECRETS.RESTATE_ADMIN_TOKEN,
  encodeURIComponent(SECRETS.RESTATE_ADMIN_TOKEN),
  SECRETS.SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL,
  "/services/T000/B000/webhook-secret",
  "Basic of-the-collector",
  "Basic%20of-the-collector",
  "tenant-secret-1",
];
/** Parts of the secrets that no line may have, in whatever way they are spelled. */
const PARTS = /rd-of-db|of-the-ingress|of-the-admin-api|webhook-secret|of-the-collector|tenant-secret/;

/** The lines that are logged. */
async function logged(env: Record<string, string>, say: (logger: ReturnType<typeof createLogger>) => void) {
  const out = new PassThrough();
  say(createLogger("info", createRedactor(secretsOf(env)), out));
  out.end();
  return (await text(out)).trim().split("\n");
}

describe("a line of the log", () => {
  it("never has a configured secret, wherever in it that was", async () => {
    const lines = await logged(SECRETS, (logger) => {
      for (const told of TOLD) {
        logger.warn({ reason: `before ${told} after`, deep: [{ told }] }, `message ${told}`);
        logger.error({ err: new Error(told, { cause: new Error(told) }) }, "failed");
      }
      logger.info({ url: SECRETS.DATABASE_URL }, "up");
    });
    expect(lines).toHaveLength(2 * TOLD.length + 1);
    for (const line of lines) {
      expect(line).not.toMatch(PARTS);
      expect(JSON.parse(line)).toMatchObject({ service: "sentinel-rollout" });
    }
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      reason: "before [secret] after",
      msg: "message [secret]",
    });
  });

  it("keeps its words where a secret is one of them", async () => {
    const env = { DATABASE_URL: "mysql://sentinel:sentinel@db/x", RESTATE_TOKEN: "wave" };
    const [line = ""] = await logged(env, (logger) =>
      logger.info({ url: env.DATABASE_URL, header: "Bearer wave" }, "starting sentinel wave"),
    );
    expect(JSON.parse(line)).toMatchObject({
      service: "sentinel-rollout",
      url: "mysql://sentinel:[secret]@db/x",
      header: "Bearer [secret]",
      msg: "starting sentinel wave",
    });
  });

  it("stays as it is without any secret", async () => {
    const [line = ""] = await logged(
      { RESTATE_TOKEN: "", SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL: "https://h/" },
      (logger) => logger.info("a / b"),
    );
    expect(JSON.parse(line)).toMatchObject({ msg: "a / b" });
  });
});

describe("the service", () => {
  const start = (env: Record<string, string>) =>
    execa(process.execPath, ["src/main.ts"], {
      env: { RESTATE_URL: "http://127.0.0.1:1", ...env },
      extendEnv: false,
      reject: false,
      all: true,
      timeout: 30_000,
    });

  it.each([
    { RESTATE_TOKEN: "two\nlines-of-the-ingress" },
    { RESTATE_URL: "http://user:lines-of-the-ingress@127.0.0.1:1" },
  ])("does not start with what would be quoted by who cannot use it: %j", async (env) => {
    const { exitCode, all } = await start({ DATABASE_URL: "mysql://u:p@127.0.0.1:1/x", ...env });
    expect(exitCode).toBe(1);
    expect(all).toContain("invalid configuration");
    expect(all).not.toMatch(/of-the-ingress|p@/);
  });

  it("says nothing secret when it fails at start", async () => {
    const { exitCode, all } = await start({
      ...SECRETS,
      RESTATE_ADMIN_URL: "http://127.0.0.1:1",
      KUBECONFIG: `/nowhere/${SECRETS.RESTATE_TOKEN}/webhook-secret`,
      RESTATE_TOKEN: "webhook-secret",
    });
    expect(exitCode).toBe(1);
    expect(all).toContain("/nowhere/");
    expect(all).not.toContain("webhook-secret");
  });
});
