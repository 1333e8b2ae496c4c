import { existsSync, readFileSync } from "node:fs";
import { KubeConfig } from "@kubernetes/client-node";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { readConfig } from "../../src/config.ts";
import { readStages } from "./docker-file.ts";
import { pathOf } from "./imports.ts";

interface Service {
  image: string;
  build?: { context: string; target: string };
  command?: string | string[];
  environment?: Record<string, string>;
  ports?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  configs?: { source: string; target: string }[];
}

const file: { services: Record<string, Service>; configs: Record<string, { file: string }> } = parse(
  readFileSync(pathOf("docker-compose.yml"), "utf8"),
  { merge: true },
);
const services = Object.entries(file.services);
const { devDependencies } = JSON.parse(readFileSync(pathOf("package.json"), "utf8"));

/** Waited for until it has ended well: it does not run on. */
function isJob(name: string): boolean {
  const waits = services.map(([, { depends_on }]) => depends_on?.[name]?.condition);
  return waits.includes("service_completed_successfully");
}

function words(command: string | string[] = []): string[] {
  return typeof command === "string" ? command.split(" ") : command;
}

describe("docker-compose.yml", () => {
  it("is what the Compose Specification allows", () => {
    const schema = JSON.parse(readFileSync(pathOf("test/operations/compose-spec/compose-spec.json"), "utf8"));
    const validate = new Ajv2020({ strict: false, logger: false }).compile(schema);
    validate(file);
    expect(validate.errors).toBeNull();
  });

  it("takes every image from the Dockerfile or at a fixed version, Restate at that of the tests", () => {
    const stages = readStages(pathOf("Dockerfile")).map(({ name }) => name);
    for (const [, { image, build }] of services) {
      if (build === undefined) expect(image).toMatch(/:v?\d+\.\d+\.\d+(-k8s\.v\d+\.\d+\.\d+)?$/);
      else expect(stages).toContain(build.target);
    }
    const version = devDependencies["@restatedev/restate-server"];
    expect(file.services.restate?.image).toBe(`docker.restate.dev/restatedev/restate:${version}`);
  });

  it("publishes ports to this machine alone, each once, with the ingress where the commands expect it", () => {
    const published = services.flatMap(([, { ports = [] }]) => ports);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(new Set(published.map((port) => port.split(":")[1])).size).toBe(published.length);
    expect(file.services.restate?.ports).toEqual(["127.0.0.1:8080:8080", "127.0.0.1:9070:9070"]);
  });

  it("knows of everything that runs on whether it is well, and starts things in that order", () => {
    for (const [name, { healthcheck, depends_on = {} }] of services) {
      if (!isJob(name)) expect(healthcheck?.test[0]).toBe("CMD");
      for (const [other, { condition }] of Object.entries(depends_on)) {
        expect(condition).toBe(isJob(other) ? "service_completed_successfully" : "service_healthy");
        expect(file.services).toHaveProperty(other);
      }
    }
  });

  it("gives the service a configuration that it accepts, with addresses of its neighbours", () => {
    const { environment = {} } = file.services.service ?? {};
    const config = readConfig(environment);
    expect(config.registration).toBeDefined();
    const urls = Object.values(environment).filter((value) => URL.canParse(value));
    const hosts = urls.map((url) => new URL(url).hostname);
    expect(new Set(hosts)).toEqual(new Set(["mysql", "restate", "service", "slack"]));
    expect(new URL(config.registration?.serviceUrl ?? "").port).toBe(String(config.port));
    const { MYSQL_USER, MYSQL_PASSWORD, MYSQL_DATABASE } = file.services.mysql?.environment ?? {};
    expect(config.databaseUrl).toBe(`mysql://${MYSQL_USER}:${MYSQL_PASSWORD}@mysql:3306/${MYSQL_DATABASE}`);
    const [, , port, path] = words(file.services.slack?.command);
    expect(config.slackWebhookUrl).toBe(`http://slack:${port}${path}`);
    expect(() => readConfig(file.services.fleet?.environment ?? {})).not.toThrow();
  });

  it("mounts a kubeconfig that leads to its cluster", () => {
    for (const [, { configs = [], environment }] of services) {
      for (const { source } of configs)
        expect(existsSync(pathOf(file.configs[source]?.file ?? "?"))).toBe(true);
      const mounted = configs.find(({ target }) => target === environment?.KUBECONFIG);
      expect(mounted?.source).toBe(environment?.KUBECONFIG === undefined ? undefined : "kubeconfig");
    }
    const kubeconfig = new KubeConfig();
    kubeconfig.loadFromFile(pathOf(file.configs.kubeconfig?.file ?? ""));
    // The client refuses plain HTTP otherwise.
    expect(kubeconfig.getCurrentCluster()).toMatchObject({
      server: "http://kubernetes:8080",
      skipTLSVerify: true,
    });
    expect(file.services.kubernetes?.ports).toEqual(["127.0.0.1:8001:8080"]);
  });

  it("runs scripts that are in the image", () => {
    const scripts = services.flatMap(([, { build, command }]) => {
      const [program, script = ""] = words(command);
      return build === undefined || command === undefined ? [] : [{ program, script }];
    });
    expect(scripts).toHaveLength(2);
    for (const { program, script } of scripts) {
      expect(program).toBe("node");
      expect(existsSync(pathOf(script))).toBe(true);
    }
  });
});
