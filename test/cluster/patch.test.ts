import { join } from "node:path";
import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Cluster, DeploymentChange } from "../../src/kubernetes/cluster.ts";
import { type Clusters, connectClusters } from "../../src/kubernetes/clusters.ts";
import { type ApiProxy, startApiProxy } from "../support/api-proxy.ts";
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
  it("is not sent once nobody waits for it any more, also where the Deployment was read for it", async () => {
    await kubernetes.deploy("unwanted");
    const over = new AbortController();
    proxy.mishap = ({ method }) => {
      if (method === "GET") over.abort();
      return undefined;
    };
    await expect(cluster.patch("k8s-unwanted", v2, {}, over.signal)).rejects.toThrow();
    const back = cluster.exchange("k8s-unwanted", v2, "x:v1", async () => false, over.signal);
    await expect(back).rejects.toThrow();
    expect(proxy.requests.map((request) => request.split(" ")[0])).toEqual(["GET"]);
    expect((await spec("unwanted")).metadata?.generation).toBe(1);
  });

  it("takes one request, changes the image and its cause and nothing else, and bumps the generation once", async () => {
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
    expect(after.metadata?.labels).toEqual(before.metadata?.labels);
    expect(after.metadata?.uid).toBe(before.metadata?.uid);
  });

  it("leaves alone what other managers own, in the same container too", async () => {
    await kubernetes.deploy("owned");
    const { namespace, admin } = kubernetes;
    await admin.apps.patchNamespacedDeployment(
      {
        name: "k8s-owned",
        namespace,
        fieldManager: "somebody",
        body: {
          metadata: { labels: { team: "a" }, annotations: { note: "b" } },
          spec: {
            replicas: 0,
            minReadySeconds: 1,
            template: {
              metadata: { labels: { tier: "c" } },
              spec: { containers: [{ name: "sentinel", env: [{ name: "D", value: "d" }] }] },
            },
          },
        },
      },
      setHeaderOptions("Content-Type", PatchStrategy.StrategicMergePatch),
    );
    const theirs = async () =>
      (await spec("owned")).metadata?.managedFields?.filter(({ manager }) => manager === "somebody");
    const before = await theirs();
    await cluster.patch("k8s-owned", { ...v2, cpuMillicores: 100, memoryMib: 64 });
    expect(await theirs()).toEqual(before);
    expect(await spec("owned")).toMatchObject({
      metadata: { labels: { team: "a" }, annotations: { note: "b" } },
      spec: {
        replicas: 0,
        minReadySeconds: 1,
        template: {
          metadata: { labels: { app: "owned", tier: "c" } },
          spec: { containers: [{ image: "x:v2", env: [{ name: "D", value: "d" }] }] },
        },
      },
    });
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

  it("a second time changes nothing, not even the version", async () => {
    // No pods: nothing else changes it meanwhile.
    await kubernetes.deploy("twice", (deployment) => {
      Object.assign(deployment.spec ?? {}, { replicas: 0 });
    });
    const change = { ...v2, cpuMillicores: 2_000, memoryMib: 1_024, replicas: 0 };
    const first = await cluster.patch("k8s-twice", change);
    await expect
      .poll(async () => (await spec("twice")).status?.observedGeneration, { timeout: 20_000 })
      .toBe(2);
    const { metadata } = await spec("twice");
    const second = await cluster.patch("k8s-twice", change);
    expect((await spec("twice")).metadata).toEqual(metadata);
    expect([first, second]).toMatchObject([
      { kind: "patched", snapshot: { generation: 2 } },
      { kind: "patched", snapshot: { generation: 2 } },
    ]);
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
