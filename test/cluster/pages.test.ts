import { join } from "node:path";
import { Registry } from "prom-client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type ClusterConnection, connect } from "../../src/kubernetes/connection.ts";
import { type DeploymentWatch, watchDeployments } from "../../src/kubernetes/deployment-watch.ts";
import { createKubernetesMetrics } from "../../src/kubernetes/metrics.ts";
import { createLogger } from "../../src/log.ts";
import { type ApiProxy, type Mishap, startApiProxy } from "../support/api-proxy.ts";
import { startKubernetes, type TestKubernetes } from "../support/kubernetes.ts";

// A LIST of many pages, of which some fail, as they do while the server throttles.

const PAGE_SIZE = 4;
const IDS = Array.from({ length: 18 }, (_, i) => `page-${String(i).padStart(2, "0")}`);
const PAGES = Math.ceil(IDS.length / PAGE_SIZE);
const patience = { timeout: 30_000 };

let kubernetes: TestKubernetes;
let proxy: ApiProxy;
let connection: ClusterConnection;
let registry: Registry;
let watch: DeploymentWatch;
let gone: string[];
/** The requests for pages, in the order in which they came, and when each did (unix ms). */
let asked: { page: string; atMs: number }[];

beforeAll(async () => {
  kubernetes = await startKubernetes();
  await Promise.all(IDS.map(deploy));
});
beforeEach(async () => {
  proxy = await startApiProxy(kubernetes.kubeconfigFile, join(kubernetes.directory, "proxied"));
  registry = new Registry();
  connection = connect(undefined, proxy.kubeconfigFile, { metrics: createKubernetesMetrics(registry) });
  gone = [];
  asked = [];
});
afterEach(async () => {
  await watch?.stop();
  await connection.close();
  await proxy.close();
});
afterAll(() => kubernetes?.stop());

/** No pods: nothing but what a test does changes it. */
async function deploy(id: string): Promise<void> {
  await kubernetes.deploy(id, ({ spec }) => {
    if (spec !== undefined) spec.replicas = 0;
  });
}

function begin(): void {
  watch = watchDeployments({
    connection,
    namespace: kubernetes.namespace,
    containerName: "sentinel",
    logger: createLogger("silent"),
    pageSize: PAGE_SIZE,
    handlers: {
      onChange: () => undefined,
      onDelete: ({ sentinelId }) => gone.push(sentinelId),
      onSynced: () => undefined,
    },
  });
}

/** @param mishap of the nth request for a page (from 0), which is for the page that begins at `page`; empty: the first */
function onPages(mishap: (n: number, page: string) => Mishap | undefined): void {
  proxy.mishap = ({ url }) => {
    const { searchParams } = new URL(url, proxy.url);
    if (searchParams.get("limit") !== String(PAGE_SIZE)) return undefined;
    const page = searchParams.get("continue") ?? "";
    asked.push({ page, atMs: Date.now() });
    return mishap(asked.length - 1, page);
  };
}

const pages = () => asked.map(({ page }) => page);
const firstPages = () => pages().filter((page) => page === "");
const unknown = () => IDS.filter((id) => watch.get(`k8s-${id}`) === undefined);
const synced = () => expect.poll(() => watch.synced, patience).toBe(true);
const status = (code: number) => JSON.stringify({ kind: "Status", code, message: "on purpose" });
const lists = async (result: string) => {
  const { values } = (await registry
    .getSingleMetric("sentinel_rollout_kubernetes_list_duration_seconds")
    ?.get()) ?? { values: [] };
  const counts = values.filter((each) => "metricName" in each && String(each.metricName).endsWith("_count"));
  return counts.find(({ labels }) => labels.result === result)?.value ?? 0;
};

const mishaps: [string, Mishap][] = [
  ["throttling", { answer: 429, body: status(429), headers: { "retry-after": "1" } }],
  ["401", { answer: 401, body: status(401) }],
  ["an unavailable server", { answer: 503 }],
  ["a server error", { answer: 500, body: status(500) }],
  ["a proxy's page", { answer: 200, body: "<html></html>" }],
  ["a reset connection", "reset"],
];

it.each(mishaps)("a page that fails by %s is asked for again, and none before it", async (_, mishap) => {
  onPages((n) => (n >= 2 && n < 5 ? mishap : undefined));
  begin();
  await synced();
  expect(unknown()).toEqual([]);
  const [first, second, third] = pages();
  expect(pages().slice(0, 6)).toEqual([first, second, third, third, third, third]);
  expect(firstPages()).toHaveLength(1);
  expect(pages()).toHaveLength(PAGES + 3);
  expect(await lists("ok")).toBe(1);
  expect(await lists("error")).toBe(0);
});

it("every page may fail, each time: the LIST comes to its end", async () => {
  const failed = new Set<string>();
  onPages((_, page) => {
    if (failed.has(page)) return undefined;
    failed.add(page);
    return { answer: 503 };
  });
  begin();
  await synced();
  expect(unknown()).toEqual([]);
  expect(pages()).toHaveLength(2 * PAGES);
});

it("not before the time that the server asked for", async () => {
  onPages((n) => (n === 1 ? { answer: 429, body: status(429), headers: { "retry-after": "2" } } : undefined));
  begin();
  await synced();
  const [, failed, again] = asked;
  expect((again?.atMs ?? 0) - (failed?.atMs ?? 0)).toBeGreaterThanOrEqual(2_000);
});

it.each([410, 400])("a page that is no longer there (%i): everything is listed anew", async (code) => {
  onPages((n) => (n === 2 ? { answer: code, body: status(code) } : undefined));
  begin();
  await synced();
  expect(unknown()).toEqual([]);
  expect(firstPages()).toHaveLength(2);
  expect(await lists("error")).toBe(1);
});

it("what is deleted, and what comes, while a page fails is known afterwards", async () => {
  for (const id of ["page-00-goes", "page-99-goes"]) await deploy(id);
  begin();
  await synced();
  let open = false;
  onPages((n) => (n === 0 || open ? undefined : { answer: 503 }));
  const listed = watch.relist();
  await expect.poll(() => asked.length, patience).toBeGreaterThan(2);
  for (const id of ["page-00-goes", "page-99-goes"]) await kubernetes.remove(id);
  await deploy("page-00-comes");
  open = true;
  await listed;
  await expect.poll(() => [...gone].sort(), patience).toEqual(["page-00-goes", "page-99-goes"]);
  await expect.poll(() => watch.get("k8s-page-00-comes")?.sentinelId, patience).toBe("page-00-comes");
  expect(firstPages()).toHaveLength(1);
  await kubernetes.remove("page-00-comes");
});

it("who wants a LIST while one is interrupted gets one that began later", async () => {
  begin();
  await synced();
  let open = false;
  onPages((n) => (n === 0 || open ? undefined : { answer: 503 }));
  const first = watch.relist();
  await expect.poll(() => asked.length, patience).toBeGreaterThan(1);
  await kubernetes.patch("page-00", [
    { op: "replace", path: "/spec/template/spec/containers/0/image", value: "x:v2" },
  ]);
  const second = watch.relist();
  open = true;
  await first;
  await second;
  expect(watch.get("k8s-page-00")?.image).toBe("x:v2");
  expect(firstPages()).toHaveLength(2);
});

it("stops at once where a page fails for ever", async () => {
  onPages((n) => (n === 0 ? undefined : { answer: 503 }));
  begin();
  await expect.poll(() => asked.length, patience).toBeGreaterThan(3);
  const waiting = expect(watch.relist()).rejects.toThrow("no LIST");
  await watch.stop();
  await waiting;
  expect(watch.synced).toBe(false);
});
