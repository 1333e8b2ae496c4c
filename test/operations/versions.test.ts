import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { readConfig } from "../../src/config.ts";
import { pathOf } from "./imports.ts";

const text = (file: string) => readFileSync(pathOf(file), "utf8");
const json = (file: string) => JSON.parse(text(file));
const { version, devDependencies } = json("package.json");

describe("the version of this project", () => {
  it("is the same in package.json, the lock file, the changes and the manifests", () => {
    const lock = json("package-lock.json");
    expect([lock.version, lock.packages[""].version]).toEqual([version, version]);
    expect(/^## (\S+)/m.exec(text("CHANGELOG.md"))?.[1]).toBe(version);
    expect(text("deploy/kubernetes/service.yaml")).toContain(`/sentinel-rollout:${version}\n`);
  });

  it("names its Deployment, its Service and the URL that it registers, so that the next one comes beside it", () => {
    const manifests = parseAllDocuments(text("deploy/kubernetes/service.yaml")).map((each) => each.toJS());
    const of = (kind: string) => manifests.find((each) => each.kind === kind);
    const name = `sentinel-rollout-${version.replaceAll(".", "-")}`;
    const labels = {
      "app.kubernetes.io/name": "sentinel-rollout",
      "app.kubernetes.io/version": version,
    };
    for (const kind of ["Deployment", "Service", "PodDisruptionBudget"]) {
      expect(of(kind).metadata).toMatchObject({ name, labels });
    }
    const { selector, template } = of("Deployment").spec;
    expect([selector.matchLabels, template.metadata.labels, of("Service").spec.selector]).toEqual(
      Array(3).fill(labels),
    );
    expect(of("PodDisruptionBudget").spec.selector.matchLabels).toEqual(labels);
    const [{ env }] = template.spec.containers;
    const given = Object.fromEntries(
      env.map((each: { name: string; value: string }) => [each.name, each.value]),
    );
    const { registration } = readConfig({ ...given, DATABASE_URL: "mysql://db/x" });
    expect(registration).toEqual({ serviceUrl: `http://${name}.sentinel-rollout:9080`, force: false });
  });
});

describe("the version of Node", () => {
  it("is that of the npm package in .nvmrc, the image and the devcontainer", () => {
    const { node } = devDependencies;
    expect(text(".nvmrc").trim()).toBe(node);
    expect(text("Dockerfile")).toContain(`ARG NODE_IMAGE=node:${node}-`);
    expect(json(".devcontainer/devcontainer.json").image).toMatch(new RegExp(`^node:${node}-`));
  });

  it("with which CI starts is one that package.json lets start npm, and the oldest", () => {
    const { jobs } = parse(text(".github/workflows/ci.yml"));
    const [, major] = /^>=(\d+)$/.exec(json("package.json").devEngines.runtime.version) ?? [];
    expect(jobs.tests.container).toMatch(new RegExp(`^node:${major}\\.`));
    expect(jobs.tests.steps.at(-1).run).toBe(".ci/run");
  });
});
