import { describe, expect, it } from "vitest";
import { ConfigError, readConfig, readDatabaseUrl } from "../../src/config.ts";

const needed = {
  DATABASE_URL: "mysql://user:pass@db:3306/sentinels",
  RESTATE_URL: "http://restate:8080",
};

function problemsOf(
  env: Record<string, string | undefined>,
  read: (env: Record<string, string | undefined>) => unknown = readConfig,
): string[] {
  try {
    read(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}

describe("the configuration", () => {
  it("needs the database and the ingress alone; the rest has defaults", () => {
    expect(readConfig(needed)).toEqual({
      databaseUrl: needed.DATABASE_URL,
      port: 9080,
      healthPort: 9081,
      restateUrl: "http://restate:8080",
      identityKeys: [],
      kubeContexts: new Map(),
      kubeNamespace: "sentinel",
      kubeContainer: "sentinel",
      deployTimeoutMs: 600_000,
      failFastMs: 120_000,
      unschedulableMs: 0,
      regressionMs: 60_000,
      maxInFlight: 500,
      requireRolloutId: false,
      logLevel: "info",
    });
  });

  it("takes all of it from the environment", () => {
    const env = {
      DATABASE_URL: "mariadb://db/sentinels",
      PORT: "0",
      HEALTH_PORT: "65535",
      RESTATE_URL: "https://restate.example.com/",
      RESTATE_TOKEN: "token",
      RESTATE_ADMIN_URL: "http://admin:9070//",
      RESTATE_ADMIN_TOKEN: "admin-token",
      RESTATE_REGISTER_FORCE: "true",
      SERVICE_URL: "http://service:9080",
      RESTATE_IDENTITY_KEYS: "publickeyv1_a, publickeyv1_b,",
      KUBE_CONTEXTS: "us-east-1=east, eu-west-1 = arn:aws:eks=west,",
      KUBE_NAMESPACE: "edge",
      KUBE_CONTAINER: "proxy",
      SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL: "https://hooks.slack.com/services/T/B/x",
      DEPLOY_TIMEOUT_SECONDS: "1",
      FAIL_FAST_SECONDS: "0",
      UNSCHEDULABLE_SECONDS: "300",
      REGRESSION_SECONDS: "3600",
      MAX_IN_FLIGHT: "1",
      REQUIRE_ROLLOUT_ID: "true",
      LOG_LEVEL: "debug",
    };
    expect(readConfig(env)).toEqual({
      databaseUrl: "mariadb://db/sentinels",
      port: 0,
      healthPort: 65535,
      restateUrl: "https://restate.example.com",
      restateToken: "token",
      admin: { url: "http://admin:9070", token: "admin-token" },
      registration: { serviceUrl: "http://service:9080", force: true },
      identityKeys: ["publickeyv1_a", "publickeyv1_b"],
      kubeContexts: new Map([
        ["us-east-1", "east"],
        ["eu-west-1", "arn:aws:eks=west"],
      ]),
      kubeNamespace: "edge",
      kubeContainer: "proxy",
      slackWebhookUrl: "https://hooks.slack.com/services/T/B/x",
      deployTimeoutMs: 1000,
      failFastMs: 0,
      unschedulableMs: 300_000,
      regressionMs: 3_600_000,
      maxInFlight: 1,
      requireRolloutId: true,
      logLevel: "debug",
    });
  });

  it("takes an empty variable for an absent one", () => {
    const env = {
      ...needed,
      PORT: "",
      RESTATE_TOKEN: "",
      SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL: "",
      LOG_LEVEL: "",
    };
    expect(readConfig(env)).toEqual(readConfig(needed));
    expect(problemsOf({ ...needed, DATABASE_URL: "" })).toHaveLength(1);
  });

  it("ignores variables that are not its own", () => {
    expect(readConfig({ ...needed, HOME: "/root", KUBECONFIG: "/k" })).toEqual(readConfig(needed));
  });
});

describe("problems of the configuration", () => {
  const cases: [variable: string, value: string | undefined, problem: string][] = [
    ["DATABASE_URL", undefined, "is required: mysql://user:pass@host:3306/db"],
    ["DATABASE_URL", "postgres://db/x", "must look like mysql://user:pass@host:3306/db"],
    ["DATABASE_URL", "mysql://db:3306/", "must look like mysql://user:pass@host:3306/db"],
    ["DATABASE_URL", "db:3306", "must look like mysql://user:pass@host:3306/db"],
    [
      "DATABASE_URL",
      "mysql://db/x?ssl-mode=on",
      "ssl-mode must be one of DISABLED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY",
    ],
    ["DATABASE_URL", "mysql://db/x?ssl-mode=REQUIRED&ssl={}", "ssl-mode and ssl exclude each other"],
    [
      "DATABASE_URL",
      "mysql://db/x?ssl-ca=/ca.pem",
      "ssl-ca needs an ssl-mode: REQUIRED, VERIFY_CA, VERIFY_IDENTITY",
    ],
    [
      "DATABASE_URL",
      "mysql://db/x?ssl-mode=VERIFY_CA&ssl-ca=/nowhere/ca.pem",
      "ssl-ca: cannot read /nowhere/ca.pem (ENOENT)",
    ],
    [
      "DATABASE_URL",
      "mysql://db/x?ssl-mode=VERIFY_CA&ssl-ca=package.json",
      "ssl-ca: package.json is not in PEM format",
    ],
    [
      "DATABASE_URL",
      "mysql://10.0.0.7/x?ssl-mode=VERIFY_IDENTITY",
      "ssl-mode=VERIFY_IDENTITY needs the host's name, not its address",
    ],
    ["RESTATE_URL", undefined, "is required: the Restate ingress"],
    ["RESTATE_URL", "restate:8080", "must be an http(s):// URL"],
    ["PORT", "65536", "must be a whole number from 0 to 65535"],
    ["PORT", "0x50", "must be a whole number from 0 to 65535"],
    ["HEALTH_PORT", "-1", "must be a whole number from 0 to 65535"],
    ["RESTATE_IDENTITY_KEYS", "publickeyv1_a,secret", "must be keys that start with publickeyv1_"],
    ["KUBE_CONTEXTS", "east", "must be region=context pairs separated by commas"],
    ["KUBE_CONTEXTS", "a=b,=c", "must be region=context pairs separated by commas"],
    ["KUBE_CONTEXTS", "a=b,a=c", "names the region a twice"],
    ["KUBE_NAMESPACE", "Sentinel", "must be a Kubernetes namespace"],
    ["KUBE_NAMESPACE", "n".repeat(64), "must be a Kubernetes namespace"],
    ["KUBE_CONTAINER", "-sentinel", "must be a container name"],
    ["SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL", "hooks.slack.com", "must be an http(s):// URL"],
    ["RESTATE_TOKEN", "two\nlines", "must be one word of ASCII characters"],
    ["RESTATE_TOKEN", "from-a-file\n", "must be one word of ASCII characters"],
    ["RESTATE_TOKEN", "sécret", "must be one word of ASCII characters"],
    ["RESTATE_ADMIN_TOKEN", "two\nlines", "must be one word of ASCII characters"],
    ["RESTATE_REGISTER_FORCE", "yes", "must be true or false"],
    ["RESTATE_IDENTITY_KEYS", "publickeyv1_a\nb", "must be keys that start with publickeyv1_"],
    ["DATABASE_URL", "mysql://u:p@db/x\n", "must be one line without spaces"],
    ...[
      "RESTATE_URL",
      "RESTATE_ADMIN_URL",
      "SERVICE_URL",
      "SLACK_SENTINEL_ROLLOUT_WEBHOOK_URL",
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ].flatMap((variable): typeof cases => [
      [variable, "https://user:s3cret@host/", "must have no user or password"],
      [variable, "https://user@host/", "must have no user or password"],
      [variable, "https://ho\nst/", "must be one line without spaces"],
      [variable, " https://host/", "must be one line without spaces"],
    ]),
    ["OTEL_EXPORTER_OTLP_HEADERS", "authorization=a\nb", "must be one line of ASCII characters"],
    ["DEPLOY_TIMEOUT_SECONDS", "0", "must be a whole number from 1 to 86400"],
    ["DEPLOY_TIMEOUT_SECONDS", "10m", "must be a whole number from 1 to 86400"],
    ["REGRESSION_SECONDS", "0", "must be a whole number from 1 to 3600"],
    ["UNSCHEDULABLE_SECONDS", "-1", "must be a whole number from 0 to 86400"],
    ["FAIL_FAST_SECONDS", "1.5", "must be a whole number from 0 to 86400"],
    ["REQUIRE_ROLLOUT_ID", "yes", "must be true or false"],
    ["MAX_IN_FLIGHT", "0", "must be a whole number from 1 to 5000"],
    ["MAX_IN_FLIGHT", "5001", "must be a whole number from 1 to 5000"],
    ["LOG_LEVEL", "INFO", "must be one of trace, debug, info, warn, error, fatal, silent"],
  ];

  it.each(cases)("%s=%s", (variable, value, problem) => {
    const both = { RESTATE_ADMIN_URL: "http://admin:9070", SERVICE_URL: "http://service:9080" };
    expect(problemsOf({ ...needed, ...both, [variable]: value })).toEqual([`${variable} ${problem}`]);
  });

  it.each([
    ["SERVICE_URL", "http://service:9080"],
    ["RESTATE_ADMIN_TOKEN", "admin-token"],
  ])("%s alone is of no use", (variable, value) => {
    expect(problemsOf({ ...needed, [variable]: value })).toEqual([`${variable} needs RESTATE_ADMIN_URL`]);
  });

  it("RESTATE_ADMIN_URL alone is asked, and nothing is registered", () => {
    const { admin, registration } = readConfig({ ...needed, RESTATE_ADMIN_URL: "http://admin:9070" });
    expect({ admin, registration }).toEqual({ admin: { url: "http://admin:9070" }, registration: undefined });
  });

  it("are told all together, each with its variable, and none with its value", () => {
    const variables = [...new Set(cases.map(([variable]) => variable)), "RESTATE_ADMIN_URL"];
    const env = Object.fromEntries(variables.map((variable) => [variable, "-hunter2-\n"]));
    const problems = problemsOf(env);
    for (const variable of variables) {
      expect(problems.filter((problem) => problem.startsWith(`${variable} `)).length).toBeGreaterThan(0);
    }
    const { message } = new ConfigError(problems);
    expect(message).not.toContain("hunter2");
    expect(message.split("\n")).toHaveLength(1 + problems.length);
  });
});

describe("the migrations", () => {
  it("need the database alone", () => {
    expect(readDatabaseUrl({ DATABASE_URL: needed.DATABASE_URL })).toBe(needed.DATABASE_URL);
  });

  it.each([
    [undefined, "DATABASE_URL is required: mysql://user:pass@host:3306/db"],
    ["", "DATABASE_URL is required: mysql://user:pass@host:3306/db"],
    ["mysql://u:hunter2@h", "DATABASE_URL must look like mysql://user:pass@host:3306/db"],
  ])("refuse %j without showing it", (url, problem) => {
    expect(problemsOf({ DATABASE_URL: url }, readDatabaseUrl)).toEqual([problem]);
  });
});

describe("OpenTelemetry's standard variables", () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = "http://collector:4318";

  it("turn traces on by naming an endpoint, and off again", () => {
    const on = { sampler: "parentbased_always_on", ratio: 1, delayMs: 5_000, queueSize: 2_048 };
    expect(readConfig({ ...needed, OTEL_EXPORTER_OTLP_ENDPOINT }).tracing).toEqual(on);
    const tracesOnly = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318/v1/traces" };
    expect(readConfig({ ...needed, ...tracesOnly }).tracing).toEqual(on);
    for (const off of [{ OTEL_SDK_DISABLED: "True" }, { OTEL_TRACES_EXPORTER: "none" }]) {
      expect(readConfig({ ...needed, OTEL_EXPORTER_OTLP_ENDPOINT, ...off }).tracing).toBeUndefined();
    }
  });

  it("choose what is sampled and how it is batched", () => {
    const env = {
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.25",
      OTEL_BSP_SCHEDULE_DELAY: "100",
      OTEL_BSP_MAX_QUEUE_SIZE: "10000",
    };
    expect(readConfig({ ...needed, OTEL_EXPORTER_OTLP_ENDPOINT, ...env }).tracing).toEqual({
      sampler: "traceidratio",
      ratio: 0.25,
      delayMs: 100,
      queueSize: 10_000,
    });
  });

  it("are refused where they ask for what is not there, without their values", () => {
    const problems = problemsOf({
      ...needed,
      OTEL_EXPORTER_OTLP_ENDPOINT: "user:s3cret@collector:4317",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_TRACES_SAMPLER: "jaeger_remote",
      OTEL_TRACES_SAMPLER_ARG: "2",
      OTEL_BSP_SCHEDULE_DELAY: "0",
    });
    expect(problems.map((problem) => problem.split(" ")[0])).toEqual([
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      "OTEL_EXPORTER_OTLP_PROTOCOL",
      "OTEL_TRACES_SAMPLER",
      "OTEL_TRACES_SAMPLER_ARG",
      "OTEL_BSP_SCHEDULE_DELAY",
    ]);
    expect(problems.join()).not.toContain("s3cret");
  });
});
