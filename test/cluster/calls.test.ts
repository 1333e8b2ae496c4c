import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Cluster, DeploymentChange } from "../../src/kubernetes/cluster.ts";
import { type Clusters, connectClusters } from "../../src/kubernetes/clusters.ts";
import { type ApiProxy, type Mishap, startApiProxy } from "../support/api-proxy.ts";
import { startKubernetes, type TestKubernetes } from "../support/kubernetes.ts";

let kubernetes: TestKubernetes;
let proxy: ApiProxy;
let clusters: Clusters;
let cluster: Cluster;

beforeAll(async () => {
  kubernetes = await startKubernetes();
  proxy = await startApiProxy(kubernetes.kubeconfigFile, join(kubernetes.directory, "proxied"));
  clusters = await connectClusters({
    kubeContexts: new Map(),
    kubeNamespace: kubernetes.namespace,
    kubeContainer: "sentinel",
    kubeconfigFile: proxy.kubeconfigFile,
  });
  cluster = clusters.forRegion("anywhere") as Cluster;
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

describe("trouble on the way", () => {
  const status = (code: number, message: string) => JSON.stringify({ kind: "Status", code, message });
  const mishaps: [string, Mishap, object][] = [
    [
      "throttling",
      { answer: 429, body: status(429, "slow down"), headers: { "retry-after": "3" } },
      { retryAfterMs: 3_000, message: expect.stringContaining("429: slow down") },
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
