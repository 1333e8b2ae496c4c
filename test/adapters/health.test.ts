import { afterEach, beforeEach, expect, it } from "vitest";
import {
  type Check,
  databaseCheck,
  type HealthServer,
  startHealthServer,
} from "../../src/endpoint/health.ts";
import { until } from "../support/until.ts";

let server: HealthServer;
let checks: () => Promise<Check[]>;

beforeEach(async () => {
  checks = async () => [{ name: "mysql", ok: true }];
  server = await startHealthServer({
    port: 0,
    checks: () => checks(),
    metrics: async () => "up 1\n",
    metricsContentType: "text/plain; version=0.0.4",
  });
});
afterEach(() => server.close());

const get = (path: string, method = "GET") => fetch(`http://127.0.0.1:${server.port}${path}`, { method });

it("is healthy as long as it answers, whatever is missing", async () => {
  checks = async () => [{ name: "mysql", ok: false }];
  expect((await get("/healthz")).status).toBe(200);
});

it("is ready when nothing is missing, else names what is", async () => {
  expect((await get("/readyz")).status).toBe(200);
  checks = async () => [
    { name: "mysql", ok: true },
    { name: "cluster eu", ok: false, detail: "not listed yet" },
  ];
  const answer = await get("/readyz");
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({
    missing: ["cluster eu"],
    checks: [{ name: "mysql" }, { name: "cluster eu", detail: "not listed yet" }],
  });
});

it("a check that throws is an error, and the server goes on", async () => {
  checks = async () => {
    throw new Error("mysql://user:s3cret@host/db");
  };
  const answer = await get("/readyz");
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain("s3cret");
  expect((await get("/healthz")).status).toBe(200);
});

it("serves the metrics with their content type", async () => {
  const answer = await get("/metrics");
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4");
  expect(await answer.text()).toBe("up 1\n");
});

it("offers nothing else and takes nothing", async () => {
  expect((await get("/")).status).toBe(404);
  expect((await get("/healthz?probe=1")).status).toBe(200);
  expect((await get("/healthz", "POST")).status).toBe(405);
  const head = await get("/readyz", "HEAD");
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

it("says at once when its port is taken", async () => {
  const options = { checks, metrics: async () => "", metricsContentType: "text/plain" };
  await expect(startHealthServer({ port: server.port, ...options })).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});

it("a database that hangs is named in bounded time, and probed once however many ask", async () => {
  const hung = Promise.withResolvers<"writable">();
  let probes = 0;
  const database = databaseCheck(() => {
    probes++;
    return probes === 1 ? hung.promise : Promise.resolve("writable");
  });
  checks = async () => [await database()];
  const answers = await Promise.all([1, 2, 3].map(() => get("/readyz")));
  for (const answer of answers) expect(await answer.json()).toMatchObject({ missing: ["mysql"] });
  expect(probes).toBe(1);
  hung.resolve("writable");
  await until("ready again", async () => (await get("/readyz")).ok);
});

it("a database that refuses is missing, and found again", async () => {
  let up = false;
  const database = databaseCheck(async () => {
    if (!up) throw new Error("mysql://user:s3cret@host/db");
    return "writable";
  });
  checks = async () => [await database()];
  const answer = await get("/readyz");
  expect([answer.status, await answer.text()]).toEqual([
    503,
    '{"status":"not ready","missing":["mysql"],"checks":[{"name":"mysql","ok":false,"detail":"no answer"}]}\n',
  ]);
  up = true;
  await until("ready again", async () => (await get("/readyz")).ok);
});

it("a database that answers and takes no writes is missing, and told as such", async () => {
  let primary: "read-only" | "writable" = "read-only";
  const database = databaseCheck(async () => primary);
  checks = async () => [await database()];
  const answer = await get("/readyz");
  expect([answer.status, await answer.json()]).toMatchObject([
    503,
    { missing: ["mysql"], checks: [{ name: "mysql", ok: false, detail: "read-only" }] },
  ]);
  primary = "writable";
  await until("ready again", async () => (await get("/readyz")).ok);
});
