import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type EmbeddedKubernetes, startEmbeddedKubernetes } from "../../src/embedded-kubernetes/index.ts";
import { connectCluster, listSentinelDeployments } from "../../src/local-stack/cluster.ts";
import { type Mysql, startMysql } from "../../src/local-stack/mysql.ts";
import { freePort } from "../../src/local-stack/ports.ts";
import { type ApiProxy, startApiProxy } from "../support/api-proxy.ts";
import { until } from "../support/until.ts";

/** Runs as in its container: with nothing of this process' environment. */
function script(args: string[], env: Record<string, string> = {}) {
  return execa(
    process.execPath,
    args.map((arg) => (arg.endsWith(".ts") ? `src/local-stack/compose/${arg}` : arg)),
    {
      env,
      extendEnv: false,
      reject: false,
    },
  );
}

describe("the fleet's job", () => {
  let directory: string;
  let mysql: Mysql;
  let embedded: EmbeddedKubernetes;
  let proxy: ApiProxy;
  const nodes: string[] = [];
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "compose-"));
    mysql = await startMysql({ server: undefined });
    embedded = await startEmbeddedKubernetes();
    await writeFile(join(directory, "embedded"), embedded.kubeconfig());
    proxy = await startApiProxy(join(directory, "embedded"), join(directory, "kubeconfig"));
    // The embedded API has no nodes to make; a real one has them after the first time.
    proxy.mishap = ({ method, url }) => {
      if (method !== "POST" || !url.startsWith("/api/v1/nodes")) return undefined;
      nodes.push(url);
      return { answer: nodes.length <= 4 ? 201 : 409, body: "{}" };
    };
  });
  afterAll(async () => {
    await proxy?.close();
    await embedded?.close();
    await mysql?.stop();
    await rm(directory, { recursive: true });
  });

  async function query(sql: string): Promise<RowDataPacket[]> {
    const connection = await createConnection(mysql.url);
    try {
      return (await connection.query<RowDataPacket[]>(sql))[0];
    } finally {
      connection.destroy();
    }
  }

  async function images(): Promise<Record<string, string | undefined>> {
    const cluster = connectCluster(proxy.kubeconfigFile);
    const deployments = await listSentinelDeployments(cluster, "sentinel");
    await cluster.close();
    return Object.fromEntries(
      deployments.map(({ metadata, spec }) => [
        metadata?.name ?? "",
        spec?.template.spec?.containers[0]?.image,
      ]),
    );
  }

  const seed = (...options: string[]) =>
    script(["seed.ts", ...options], {
      DATABASE_URL: mysql.url,
      RESTATE_URL: "http://restate:8080",
      KUBECONFIG: proxy.kubeconfigFile,
    });

  it("migrates, and makes nodes, rows and available Deployments", async () => {
    const { exitCode, stdout, stderr } = await seed("--sentinels", "3", "--fail", "sen_0002:NeverReady");
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout: "migrations applied\n3 sentinels in the namespace sentinel",
      stderr: "",
    });
    expect(nodes).toHaveLength(4);
    const old = "ghcr.io/unkeyed/sentinel:v1.2.2";
    expect(await query("SELECT id, image, health FROM sentinels ORDER BY id")).toEqual(
      ["sen_0001", "sen_0002", "sen_0003"].map((id) => ({ id, image: old, health: "healthy" })),
    );
    expect(await images()).toEqual({ "sentinel-0001": old, "sentinel-0002": old, "sentinel-0003": old });
  });

  it("run again, leaves what it finds and makes what is missing", async () => {
    const cluster = connectCluster(proxy.kubeconfigFile);
    await cluster.apps.deleteNamespacedDeployment({ name: "sentinel-0003", namespace: "sentinel" });
    await cluster.close();
    await query("UPDATE sentinels SET image = 'moved:1', deploy_status = 'failed' WHERE id = 'sen_0001'");
    await query("DELETE FROM sentinels WHERE id = 'sen_0002'");
    const { exitCode, stderr } = await seed("--sentinels", "4");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(Object.keys(await images()).sort()).toEqual([
      "sentinel-0001",
      "sentinel-0002",
      "sentinel-0003",
      "sentinel-0004",
    ]);
    const rows = await query("SELECT id, image, deploy_status AS status FROM sentinels ORDER BY id");
    expect(rows).toHaveLength(4);
    expect(rows[0]).toEqual({ id: "sen_0001", image: "moved:1", status: "failed" });
  });

  it("says what is wrong, and fails: the service then does not start", async () => {
    const { exitCode, stderr } = await script(["seed.ts"], { DATABASE_URL: mysql.url });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: "invalid configuration:\n  RESTATE_URL is required: the Restate ingress",
    });
    expect(await seed("--sentinels", "1", "--fail", "sen_0009")).toMatchObject({ exitCode: 1 });
  });
});

describe("the Slack sink's container", () => {
  it("takes messages at its path, shows them, and stops when told to", async () => {
    const port = await freePort();
    const sink = script(["slack.ts", String(port), "/services/x"]);
    const page = `http://127.0.0.1:${port}/`;
    await until("it listens", () =>
      fetch(page)
        .then(({ ok }) => ok)
        .catch(() => false),
    );
    const posted = await fetch(`${page}services/x`, { method: "POST", body: '{"text":"wave 1/2 started"}' });
    expect(posted.status).toBe(200);
    expect(await (await fetch(page)).text()).toContain("wave 1/2 started");
    sink.kill("SIGTERM");
    expect(await sink).toMatchObject({ exitCode: 0, stderr: "" });
  });
});

describe("the health check of the service", () => {
  it("is about /readyz", async () => {
    const { services } = parse(await readFile("docker-compose.yml", "utf8"), { merge: true });
    const [, , ...args]: string[] = services.service.healthcheck.test;
    let ready = false;
    const server = createServer((request, response) => {
      response.writeHead(request.url === "/readyz" && ready ? 200 : 503).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const check = async () => (await script(args.map((arg) => arg.replace("9081", String(port))))).exitCode;
    expect(await check()).toBe(1);
    ready = true;
    expect(await check()).toBe(0);
    server.closeAllConnections();
    server.close();
  });
});
