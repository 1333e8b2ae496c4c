import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
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
});
beforeEach(() => {
  proxy.requests.length = 0;
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

async function spec(id: string) {
  const { namespace, admin } = kubernetes;
  const deployment = await admin.apps.readNamespacedDeployment({ name: `k8s-${id}`, namespace });
  return deployment;
}

describe("a patch", () => {
  it("takes one request and changes the image and its cause, nothing else", async () => {
    await kubernetes.deploy("one", (deployment) => {
      deployment.metadata = { ...deployment.metadata, annotations: { "somebody/else": "keeps this" } };
    });
    const before = await spec("one");
    const outcome = await cluster.patch("k8s-one", v2);
    expect(outcome).toMatchObject({ kind: "patched", snapshot: { image: "x:v2", generation: 2 } });
    expect(proxy.requests).toHaveLength(1);
    const after = await spec("one");
    expect(after.metadata?.annotations).toMatchObject({
      "somebody/else": "keeps this",
      "kubernetes.io/change-cause": "rollout r1 to x:v2",
    });
    const container = before.spec?.template.spec?.containers[0];
    if (container !== undefined) container.image = "x:v2";
    expect(after.spec).toEqual(before.spec);
  });

  it("sets limits and requests of what is given, and leaves the others", async () => {
    await kubernetes.deploy("resources", (deployment) => {
      const [container] = deployment.spec?.template.spec?.containers ?? [];
      if (container === undefined) return;
      container.resources = {
        limits: { cpu: "250m", "ephemeral-storage": "1Gi", memory: "256Mi" },
        requests: { cpu: "125m", "ephemeral-storage": "1Gi", memory: "256Mi" },
      };
    });
    const outcome = await cluster.patch("k8s-resources", {
      ...v2,
      cpuMillicores: 1_001,
      memoryMib: 512,
      replicas: 3,
    });
    expect(outcome).toMatchObject({
      snapshot: { cpuLimitMillicores: 1_001, memoryLimitMib: 512, desiredReplicas: 3 },
    });
    expect((await spec("resources")).spec?.template.spec?.containers[0]?.resources).toEqual({
      limits: { cpu: "1001m", "ephemeral-storage": "1Gi", memory: "512Mi" },
      requests: { cpu: "501m", "ephemeral-storage": "1Gi", memory: "512Mi" },
    });
  });

  it("creates the parents that are missing", async () => {
    await kubernetes.deploy("bare");
    await cluster.patch("k8s-bare", { ...v2, memoryMib: 512 });
    expect((await spec("bare")).spec?.template.spec?.containers[0]?.resources).toEqual({
      limits: { memory: "512Mi" },
      requests: { memory: "512Mi" },
    });
    await cluster.patch("k8s-bare", { ...v2, cpuMillicores: 100 });
    expect((await spec("bare")).spec?.template.spec?.containers[0]?.resources).toEqual({
      limits: { memory: "512Mi", cpu: "100m" },
      requests: { memory: "512Mi", cpu: "50m" },
    });
  });

  it("a second time changes nothing", async () => {
    await kubernetes.deploy("twice");
    const change = { ...v2, cpuMillicores: 2_000, memoryMib: 1_024, replicas: 2 };
    await cluster.patch("k8s-twice", change);
    const { generation } = (await spec("twice")).metadata ?? {};
    expect(await cluster.patch("k8s-twice", change)).toMatchObject({
      kind: "patched",
      snapshot: { generation },
    });
  });

  it("finds the sentinel's container behind another one, and knows it the next time", async () => {
    await kubernetes.deploy("sidecar", (deployment) => {
      deployment.spec?.template.spec?.containers.unshift({ name: "sidecar", image: "side:1" });
    });
    expect(await cluster.patch("k8s-sidecar", v2)).toMatchObject({ snapshot: { image: "x:v2" } });
    proxy.requests.length = 0;
    await cluster.patch("k8s-sidecar", { ...v2, image: "x:v3" });
    expect(proxy.requests).toHaveLength(1);
    const containers = (await spec("sidecar")).spec?.template.spec?.containers;
    expect(containers?.map(({ name, image }) => `${name} ${image}`)).toEqual([
      "sidecar side:1",
      "sentinel x:v3",
    ]);
  });

  it("is refused, and adds nothing, where there is no such container", async () => {
    await kubernetes.deploy("other", (deployment) => {
      const [container] = deployment.spec?.template.spec?.containers ?? [];
      if (container !== undefined) container.name = "main";
    });
    expect(await cluster.patch("k8s-other", v2)).toEqual({
      kind: "refused",
      reason: "Deployment k8s-other has no container named sentinel",
    });
    expect((await spec("other")).spec?.template.spec?.containers).toHaveLength(1);
  });

  it("is refused, and creates nothing, where there is no Deployment", async () => {
    expect(await cluster.patch("k8s-nobody", v2)).toEqual({
      kind: "refused",
      reason: `Deployment k8s-nobody not found in namespace ${kubernetes.namespace}`,
    });
    expect(await cluster.read("k8s-nobody")).toBeUndefined();
  });

  it("is refused for a Deployment that is being deleted", async () => {
    await kubernetes.deploy("leaving", (deployment) => {
      deployment.metadata = { ...deployment.metadata, finalizers: ["sentinel-rollout.dev/test"] };
    });
    await kubernetes.remove("leaving");
    expect(await cluster.patch("k8s-leaving", v2)).toEqual({
      kind: "refused",
      reason: "Deployment k8s-leaving is being deleted",
    });
    await kubernetes.patch("leaving", [{ op: "remove", path: "/metadata/finalizers" }]);
  });

  it("is refused with the field that Kubernetes finds invalid", async () => {
    await kubernetes.deploy("invalid");
    const outcome = await cluster.patch("k8s-invalid", { ...v2, image: "" });
    expect(outcome).toMatchObject({ kind: "refused", reason: expect.stringContaining("image") });
    expect(await cluster.read("k8s-invalid")).toMatchObject({ image: "x:v1", generation: 1 });
  });

  it("gets through conflicts, and gives up for now when they do not end", async () => {
    await kubernetes.deploy("busy");
    const conflict = { answer: 409, body: JSON.stringify({ kind: "Status", message: "modified" }) };
    let conflicts = 3;
    proxy.mishap = ({ method }) => (method === "PATCH" && conflicts-- > 0 ? conflict : undefined);
    expect(await cluster.patch("k8s-busy", v2)).toMatchObject({ kind: "patched" });
    proxy.mishap = ({ method }) => (method === "PATCH" ? conflict : undefined);
    await expect(cluster.patch("k8s-busy", v2)).rejects.toMatchObject({ name: "TransientKubernetesError" });
  });
});

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

describe("the pods' own reason", () => {
  it("is what the newest pods say, and nothing while all is well", async () => {
    await kubernetes.deploy("broken");
    await expect
      .poll(async () => (await cluster.read("k8s-broken"))?.availableReplicas, { timeout: 20_000 })
      .toBe(1);
    expect(await cluster.podTrouble("k8s-broken").then((trouble) => trouble?.reason)).toBeUndefined();
    await cluster.patch("k8s-broken", { image: "x:bad", changeCause: "t" });
    await expect
      .poll(() => cluster.podTrouble("k8s-broken").then((trouble) => trouble?.reason), { timeout: 20_000 })
      .toMatch(/^(ImagePullBackOff|ErrImagePull): .+/);
    await cluster.patch("k8s-broken", { image: "x:v2", changeCause: "t" });
    await expect
      .poll(() => cluster.podTrouble("k8s-broken").then((trouble) => trouble?.reason), { timeout: 20_000 })
      .toBeUndefined();
  });

  it("names the exit code of a container that crashes", async () => {
    await kubernetes.deploy("crashing", (deployment) => {
      const { metadata } = deployment.spec?.template ?? {};
      if (metadata?.annotations !== undefined) {
        metadata.annotations["sentinel-rollout.dev/fault"] = "CrashLoopBackOff";
      }
    });
    await cluster.patch("k8s-crashing", { image: "x:bad", changeCause: "t" });
    await expect
      .poll(() => cluster.podTrouble("k8s-crashing").then((trouble) => trouble?.reason), { timeout: 20_000 })
      .toMatch(/^CrashLoopBackOff: exit code 1/);
  });

  it("is nothing where there is no Deployment", async () => {
    expect(await cluster.podTrouble("k8s-nobody").then((trouble) => trouble?.reason)).toBeUndefined();
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
