import { z } from "zod";
import { databaseAddress } from "./mysql/address.ts";
import { type TracingConfig, tracingOf, tracingVariables } from "./tracing-config.ts";
import { hasProtocol, httpUrl, isOneWord } from "./util/http-url.ts";
import { reasonOf } from "./util/reason.ts";

/**
 * The service's variables. Everything is checked at start and all problems are reported together, each with its
 * variable's name; values that may be secrets are never part of a message. Elsewhere the service reads the environment only
 * for the secrets to hide (`secretsOf`) and for KUBECONFIG (`readKubeconfig`). OpenTelemetry reads its own variables.
 */
export interface Config {
  databaseUrl: string;
  port: number;
  healthPort: number;
  restateUrl: string;
  restateToken?: string;
  /** Restate's admin API, where it may be asked. */
  admin?: { url: string; token?: string };
  /** Present when the service registers itself at start; `force`: in the place of what is known at its URL. */
  registration?: { serviceUrl: string; force: boolean };
  identityKeys: string[];
  /** Region to kubeconfig context; empty: one cluster for all regions. */
  kubeContexts: Map<string, string>;
  kubeNamespace: string;
  kubeContainer: string;
  slackWebhookUrl?: string;
  deployTimeoutMs: number;
  /** 0: a failure that could heal is never final before the timeout. */
  failFastMs: number;
  /** How long a pod may be unschedulable; 0: until the timeout. */
  unschedulableMs: number;
  /** How long a sentinel that came up may be without its replicas until it has regressed. */
  regressionMs: number;
  maxInFlight: number;
  /** Verbs that do not name their rollout are refused. */
  requireRolloutId: boolean;
  logLevel: string;
  /** Absent: nothing is traced. */
  tracing?: TracingConfig;
}

/** Thrown with every problem at once, one a line. */
export class ConfigError extends Error {
  readonly problems: string[];
  constructor(problems: string[]) {
    super(`invalid configuration:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** A drive has lanes for this many Deploys, and a state that names them all. */
const MOST_IN_FLIGHT = 5_000;

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Sent in a header. `fetch` refuses anything else with a message that quotes it. */
const token = z.string().regex(/^[\x21-\x7e]+$/, "must be one word of ASCII characters");

const whole = (from: number, to: number, fallback: number) =>
  z
    .string()
    .refine(
      (text) => /^\d+$/.test(text) && Number(text) >= from && Number(text) <= to,
      `must be a whole number from ${from} to ${to}`,
    )
    .default(String(fallback))
    .transform(Number);

const kubeContexts = z
  .string()
  .default("")
  .transform((text, ctx) => {
    const contexts = new Map<string, string>();
    for (const pair of text.split(",").filter((part) => part.trim() !== "")) {
      const [region = "", context = ""] = splitOnce(pair.trim(), "=");
      if (region === "" || context === "") {
        ctx.addIssue("must be region=context pairs separated by commas");
        return z.NEVER;
      }
      if (contexts.has(region)) ctx.addIssue(`names the region ${region} twice`);
      contexts.set(region, context);
    }
    return contexts;
  });

const database = z.object({
  DATABASE_URL: z
    .string("is required: mysql://user:pass@host:3306/db")
    .refine(isDatabaseUrl, "must look like mysql://user:pass@host:3306/db")
    .refine(isOneWord, "must be one line without spaces")
    .superRefine((url, ctx) => {
      const problem = isDatabaseUrl(url) ? addressProblem(url) : undefined;
      if (problem !== undefined) ctx.addIssue(problem);
    }),
});

const environment = database.extend({
  PORT: whole(0, 65535, 9080),
  HEALTH_PORT: whole(0, 65535, 9081),
  RESTATE_URL: httpUrl
    .or(z.undefined())
    .refine((url) => url !== undefined, "is required: the Restate ingress"),
  RESTATE_TOKEN: token.optional(),
  RESTATE_ADMIN_URL: httpUrl.optional(),
  RESTATE_ADMIN_TOKEN: token.optional(),
  RESTATE_REGISTER_FORCE: z.enum(["true", "false"], "must be true or false").default("false"),
  SERVICE_URL: httpUrl.optional(),
  RESTATE_IDENTITY_KEYS: z
    .string()
    .default("")
    .transform((text) => list(text))
    .refine(
      (keys) => keys.every((key) => /^publickeyv1_\w+$/.test(key)),
      "must be keys that start with publickeyv1_",
    ),
  KUBE_CONTEXTS: kubeContexts,
  KUBE_NAMESPACE: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be a Kubernetes namespace")
    .default("sentinel"),
  KUBE_CONTAINER: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be a container name")
    .default("sentinel"),
  SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL: httpUrl.optional(),
  DEPLOY_TIMEOUT_SECONDS: whole(1, 86_400, 600),
  FAIL_FAST_SECONDS: whole(0, 86_400, 120),
  UNSCHEDULABLE_SECONDS: whole(0, 86_400, 0),
  REGRESSION_SECONDS: whole(1, 3_600, 60),
  MAX_IN_FLIGHT: whole(1, MOST_IN_FLIGHT, 500),
  REQUIRE_ROLLOUT_ID: z.enum(["true", "false"], "must be true or false").default("false"),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(", ")}`).default("info"),
  ...tracingVariables,
});

/**
 * Reads the configuration; an empty variable counts as absent.
 * @throws ConfigError with all problems
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = environment.safeParse(present);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
  for (const variable of ["SERVICE_URL", "RESTATE_ADMIN_TOKEN"]) {
    if (present[variable] !== undefined && present.RESTATE_ADMIN_URL === undefined) {
      problems.push(`${variable} needs RESTATE_ADMIN_URL`);
    }
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const read = parsed.data;
  const tracing = tracingOf(read);
  return {
    databaseUrl: read.DATABASE_URL,
    port: read.PORT,
    healthPort: read.HEALTH_PORT,
    restateUrl: (read.RESTATE_URL ?? "").replace(/\/+$/, ""),
    ...(read.RESTATE_TOKEN === undefined ? {} : { restateToken: read.RESTATE_TOKEN }),
    ...(read.RESTATE_ADMIN_URL === undefined
      ? {}
      : {
          admin: {
            url: read.RESTATE_ADMIN_URL.replace(/\/+$/, ""),
            ...(read.RESTATE_ADMIN_TOKEN === undefined ? {} : { token: read.RESTATE_ADMIN_TOKEN }),
          },
        }),
    ...(read.SERVICE_URL === undefined
      ? {}
      : {
          registration: { serviceUrl: read.SERVICE_URL, force: read.RESTATE_REGISTER_FORCE === "true" },
        }),
    identityKeys: read.RESTATE_IDENTITY_KEYS,
    kubeContexts: read.KUBE_CONTEXTS,
    kubeNamespace: read.KUBE_NAMESPACE,
    kubeContainer: read.KUBE_CONTAINER,
    ...(read.SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL === undefined
      ? {}
      : { slackWebhookUrl: read.SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL }),
    deployTimeoutMs: read.DEPLOY_TIMEOUT_SECONDS * 1000,
    failFastMs: read.FAIL_FAST_SECONDS * 1000,
    unschedulableMs: read.UNSCHEDULABLE_SECONDS * 1000,
    regressionMs: read.REGRESSION_SECONDS * 1000,
    maxInFlight: read.MAX_IN_FLIGHT,
    requireRolloutId: read.REQUIRE_ROLLOUT_ID === "true",
    logLevel: read.LOG_LEVEL,
    ...(tracing === undefined ? {} : { tracing }),
  };
}

/** For the migrations, which need nothing else. @throws ConfigError */
export function readDatabaseUrl(env: Record<string, string | undefined>): string {
  const parsed = database.safeParse({ DATABASE_URL: env.DATABASE_URL || undefined });
  if (parsed.success) return parsed.data.DATABASE_URL;
  throw new ConfigError(parsed.error.issues.map((issue) => `DATABASE_URL ${issue.message}`));
}

function isDatabaseUrl(text: string): boolean {
  return hasProtocol(text, ["mysql:", "mariadb:"]) && new URL(text).pathname.length > 1;
}

/** Its TLS parameters and files are looked at when the service starts, not when it first connects. */
function addressProblem(url: string): string | undefined {
  try {
    databaseAddress(url);
    return undefined;
  } catch (error) {
    return reasonOf(error, "cannot be used");
  }
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at).trim(), text.slice(at + separator.length).trim()];
}
