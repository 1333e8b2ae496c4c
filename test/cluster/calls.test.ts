import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { DeploymentChange, WatchableCluster } from "../../src/kubernetes/cluster.ts";
import { type Clusters, connectClusters } from "../../src/kubernetes/clusters.ts";
import { createLogger } from "../../src/log.ts";
import { type ApiProxy, type Mishap, startApiProxy } from "../support/api-proxy.ts";
import { startKubernetes, type TestKubernetes } from "../support/kubernetes.ts";

let kubernetes: TestKubernetes;
let proxy: ApiProxy;
let clusters: Clusters;
let cluster: WatchableCluster;

beforeAll(async () => {
  kubernetes = await startKubernetes();
  proxy = await startApiProxy(kubernetes.kubeconfigFile, join(kubernetes.directory, "proxied"));
  clusters = await connectClusters({
    kubeContexts: new Map(),
    kubeNamespace: kubernetes.namespace,
    kubeContainer: "sentinel",
    kubeconfigFile: proxy.kubeconfigFile,
  });
  cluster = clusters.all[0] as WatchableCluster;
  await kubernetes.deploy("one");
});
afterEach(() => {
  proxy.mishap = () => undefined;
});
afterAll(async () => {
  await clusters?.close();
  await proxy?.close();
  await kubernetes?.stop();
});

const v2: DeploymentChange = { image: "x:v2", changeCause: "rollout r1 to x:v2" };

const status = (code: number, message: string) => JSON.stringify({ kind: "Status", code, message });

describe("trouble on the way", () => {
  const mishaps: [string, Mishap, object][] = [
    [
      "throttling",
      { answer: 429, body: status(429, "slow down"), headers: { "retry-after": "1" } },
      { retryAfterMs: 1_000, message: expect.stringContaining("429: slow down") },
    ],
    ["an overloaded server", { answer: 503, body: "" }, { message: expect.stringContaining("503") }],
    ["an expired token", { answer: 401, body: status(401, "Unauthorized") }, {}],
    ["a missing role", { answer: 403, body: status(403, "forbidden: User x") }, { message: /User x/ }],
    ["a proxy's page instead of an answer", { answer: 200, body: "<html>login</html>" }, {}],
    ["a proxy's own 404", { answer: 404, body: "<html>no route</html>" }, {}],
    ["a reset connection", "reset", {}],
  ];
  it.each(mishaps)("%s may pass: read, patch and pods say so", async (_, mishap, expected) => {
    proxy.mishap = () => mishap;
    const transient = { name: "TransientKubernetesError", ...expected };
    const message = (expected as { message?: unknown }).message;
    const match = {
      ...transient,
      ...(message instanceof RegExp ? { message: expect.stringMatching(message) } : {}),
    };
    await expect(cluster.read("k8s-one")).rejects.toMatchObject(match);
    await expect(cluster.patch("k8s-one", v2)).rejects.toMatchObject(match);
    await expect(cluster.podTrouble("k8s-one")).rejects.toMatchObject(match);
  });

  it("a redirect is not followed: credentials are for the cluster's own server", async () => {
    const before = proxy.requests.length;
    proxy.mishap = ({ url }) =>
      url.startsWith("/elsewhere")
        ? undefined
        : { answer: 307, headers: { location: `${proxy.url}/elsewhere` } };
    await expect(cluster.read("k8s-one")).rejects.toThrow("reading Deployment k8s-one");
    await expect(cluster.patch("k8s-one", v2)).rejects.toThrow("patching Deployment k8s-one");
    expect(proxy.requests.slice(before).filter((request) => request.includes("/elsewhere"))).toEqual([]);
  });

  it("a server that does not answer gives an error in time", async () => {
    proxy.mishap = () => "hang";
    await expect(cluster.read("k8s-one")).rejects.toMatchObject({
      name: "TransientKubernetesError",
      message: expect.stringContaining("no answer in time"),
    });
  });

  it("many calls at once share a few connections", async () => {
    await kubernetes.deploy("many");
    proxy.connections = 0;
    await Promise.all(Array.from({ length: 200 }, () => cluster.read("k8s-many")));
    expect(proxy.connections).toBeLessThanOrEqual(16);
  });
});

describe("an API server that asks to be left alone", () => {
  it("is, by reads, patches and the watch alike, for as long as it asked; another cluster is not", async () => {
    await kubernetes.deploy("throttled");
    let answeredMs = 0;
    const arrivals: number[] = [];
    proxy.mishap = () => {
      arrivals.push(Date.now());
      if (arrivals.length > 1) return undefined;
      answeredMs = Date.now();
      return { answer: 429, body: status(429, "slow down"), headers: { "retry-after": "6" } };
    };
    await expect(cluster.read("k8s-throttled")).rejects.toMatchObject({ retryAfterMs: 6_000 });
    const synced = Promise.withResolvers<void>();
    const handlers = { onChange: () => undefined, onDelete: () => undefined, onSynced: synced.resolve };
    const watch = cluster.watch(handlers, createLogger("silent"));
    const reads = Array.from({ length: 40 }, () => cluster.read("k8s-throttled"));
    const patched = cluster.patch("k8s-throttled", v2);
    const { name, namespace } = { name: "k8s-throttled", namespace: kubernetes.namespace };
    await kubernetes.admin.apps.readNamespacedDeployment({ name, namespace });
    // The other way to the same server was answered before this one was used again.
    expect(arrivals).toHaveLength(1);
    await Promise.all([...reads, patched, synced.promise]);
    await watch.stop();
    expect(Math.min(...arrivals.slice(1)) - answeredMs).toBeGreaterThanOrEqual(6_000);
  });
});

describe("clusters", () => {
  it("a region leads to its context's cluster; an unmapped one to none", async () => {
    const { namespace, kubeconfigFile, admin } = kubernetes;
    const mapped = await connectClusters({
      kubeContexts: new Map([
        ["eu", admin.name],
        ["us", admin.name],
      ]),
      kubeNamespace: namespace,
      kubeContainer: "sentinel",
      kubeconfigFile,
    });
    expect(mapped.all).toHaveLength(1);
    expect(mapped.forRegion("eu")).toBe(mapped.all[0]);
    expect(mapped.forRegion("us")).toBe(mapped.all[0]);
    expect(mapped.forRegion("mars")).toBeUndefined();
    await mapped.close();
  });

  it("a context that does not exist is named at once", async () => {
    const { namespace, kubeconfigFile } = kubernetes;
    const config = { kubeNamespace: namespace, kubeContainer: "sentinel", kubeconfigFile };
    await expect(connectClusters({ kubeContexts: new Map([["eu", "nowhere"]]), ...config })).rejects.toThrow(
      "nowhere",
    );
  });
});
