import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { copies, instruction, readStages, type Stage } from "./docker-file.ts";
import { importedPackages, pathOf } from "./imports.ts";

const stages = readStages(pathOf("Dockerfile"));
const { scripts, dependencies, devDependencies } = JSON.parse(readFileSync(pathOf("package.json"), "utf8"));
const lock: { packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }> } =
  JSON.parse(readFileSync(pathOf("package-lock.json"), "utf8"));

function stage(name: string): Stage {
  const found = stages.find((each) => each.name === name);
  if (found === undefined) throw new Error(`the Dockerfile has no stage ${name}`);
  return found;
}

/** Everything that ends up in a stage's file system, stage by stage. */
function contents({ name, from }: Stage): { stage: string; source: string }[] {
  const below = stages.find((each) => each.name === from);
  return [
    ...(below === undefined ? [] : contents(below)),
    ...copies(stage(name)).flatMap((copy) =>
      copy.sources.map((source) => ({ stage: copy.stage ?? "", source })),
    ),
  ];
}

describe("the Dockerfile", () => {
  it("copies only what there is and what .dockerignore lets through", () => {
    const allowed = readFileSync(pathOf(".dockerignore"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    const taken = stages.flatMap((each) => contents(each)).filter((each) => each.stage === "");
    expect(new Set(taken.map(({ source }) => source))).toEqual(new Set(allowed));
    expect(allowed.filter((path) => !existsSync(pathOf(path)))).toEqual([]);
  });

  it("builds on the Node that the tests run on, pinned", () => {
    const bases = stages.map(({ from }) => from).filter((from) => !stages.some(({ name }) => name === from));
    expect(new Set(bases)).toEqual(new Set([`node:${devDependencies.node}-bookworm-slim`]));
    expect(devDependencies.node).toBe(process.versions.node);
  });

  it("puts the production code, the migrations and the licence into the image, and nothing else", () => {
    expect(stages.at(-1)?.name).toBe("service");
    expect(contents(stage("service"))).toEqual([
      { stage: "", source: "package.json" },
      { stage: "", source: "LICENSE" },
      { stage: "dependencies", source: "/app/node_modules" },
      { stage: "", source: "drizzle" },
      { stage: "build", source: "/app/dist" },
    ]);
    const { exclude } = JSON.parse(readFileSync(pathOf("tsconfig.build.json"), "utf8"));
    expect(exclude).toContain("src/local-stack");
  });

  it("installs what the service imports, and no restate-server, test or build tool", () => {
    expect(instruction(stage("dependencies"), "RUN")).toMatch(
      /^npm ci --omit=dev --omit=optional --ignore-scripts /,
    );
    const installed = Object.entries(lock.packages)
      .filter(([path, { dev, optional, devOptional }]) => path !== "" && !dev && !optional && !devOptional)
      .map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
    const unwanted = installed.filter((name) =>
      /^(@restatedev\/restate(-(?!sdk)|$)|node$|mysql-memory-server|typescript|vitest|@biomejs|esbuild|execa)/.test(
        name,
      ),
    );
    expect(unwanted).toEqual([]);
    for (const name of importedPackages(["src/main.ts", "src/mysql/migrate.ts", "src/mysql/prune.ts"])) {
      expect(dependencies).toHaveProperty([name]);
      expect(installed).toContain(name);
    }
  });

  it("gives the dry run's scripts all that they import", () => {
    for (const name of importedPackages([
      "src/local-stack/compose/seed.ts",
      "src/local-stack/compose/slack.ts",
    ])) {
      expect(dependencies).toHaveProperty([name]);
    }
  });

  it("runs what npm start runs, as nobody in particular, with Node as process 1", () => {
    expect(JSON.parse(instruction(stage("service"), "CMD"))).toEqual(scripts.start.split(" "));
    for (const name of ["service", "dry-run"])
      expect(instruction(stage(name), "USER")).toMatch(/^[1-9]\d+:[1-9]\d+$/);
    const { port, healthPort } = readConfig({ DATABASE_URL: "mysql://db/x", RESTATE_URL: "http://restate" });
    expect(instruction(stage("service"), "EXPOSE")).toBe(`${port} ${healthPort}`);
  });

  it("asks /healthz whether it is well", async () => {
    const [, json = ""] = /CMD (\[.*\])$/.exec(instruction(stage("service"), "HEALTHCHECK")) ?? [];
    const [program, ...args]: string[] = JSON.parse(json);
    expect(program).toBe("node");
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(asked.length === 1 ? 200 : 500).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const env = { HEALTH_PORT: String((server.address() as AddressInfo).port) };
    const check = async () => (await execa(process.execPath, args, { env, reject: false })).exitCode;
    expect([await check(), await check()]).toEqual([0, 1]);
    expect(asked).toEqual(["/healthz", "/healthz"]);
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    expect(await check()).toBe(1);
  });
});
