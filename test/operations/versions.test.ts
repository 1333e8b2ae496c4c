import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
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
