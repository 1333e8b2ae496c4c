import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Cluster, DeploymentChange } from "../../src/kubernetes/cluster.ts";
import { type Clusters, connectClusters } from "../../src/kubernetes/clusters.ts";
import { type ApiProxy, startApiProxy } from "../support/api-proxy.ts";
import { startKubernetes, type TestKubernetes } from "../support/kubernetes.ts";

let kubernetes: TestKubernetes;
let proxy: ApiProxy;
const opened: Clusters[] = [];
let cluster: Cluster;

beforeAll(async () => {
  kubernetes = await startKubernetes();
  proxy = await startApiProxy(kubernetes.kubeconfigFile, join(kubernetes.directory, "proxied"));
  cluster = await open(proxy.kubeconfigFile);
});
afterEach(async () => {
  proxy.mishap = () => undefined;
  await kubernetes.admission.lift();
});
afterAll(async () => {
  await Promise.all(opened.map((clusters) => clusters.close()));
  await proxy?.close();
  await kubernetes?.stop();
});

async function open(kubeconfigFile: string): Promise<Cluster> {
  const { namespace: kubeNamespace } = kubernetes;
  const config = { kubeContexts: new Map(), kubeNamespace, kubeContainer: "sentinel", kubeconfigFile };
  const clusters = await connectClusters(config);
  opened.push(clusters);
  return clusters.forRegion("anywhere") as Cluster;
}

const v2: DeploymentChange = { image: "x:v2", changeCause: "to x:v2" };
const KNOWN = { from: "x:v1" };

/** What a change of the Deployment bumps. */
async function generation(id: string): Promise<number | undefined> {
  return (await cluster.read(`k8s-${id}`))?.generation;
}

describe("a patch of a Deployment that is paused", () => {
  it.each([
    ["believed to be on the old image", KNOWN],
    ["of which nothing is known", {}],
    ["patched unread", undefined],
  ])("%s is refused before anything is changed, with the words that end the pause", async (_, terms) => {
    const id = `paused-${terms === undefined ? "unread" : Object.keys(terms).length}`;
    await kubernetes.deploy(id);
    await kubernetes.patch(id, [{ op: "add", path: "/spec/paused", value: true }]);
    const before = await generation(id);
    const { namespace } = kubernetes;
    expect(await cluster.patch(`k8s-${id}`, v2, terms)).toEqual({
      kind: "refused",
      reason: `Deployment k8s-${id} is paused: nothing comes up before kubectl rollout resume deployment/k8s-${id} -n ${namespace}`,
    });
    expect(await generation(id)).toBe(before);
    await kubernetes.patch(id, [{ op: "remove", path: "/spec/paused" }]);
    expect(await cluster.patch(`k8s-${id}`, v2, terms)).toMatchObject({ kind: "patched" });
  });
});

describe("a patch that is not admitted", () => {
  it("by a validating policy is refused at once, in the policy's own words", async () => {
    await kubernetes.deploy("denied");
    await kubernetes.admission.deny(":v2", "images of sentinels must be signed by the release team");
    proxy.requests.length = 0;
    expect(await cluster.patch("k8s-denied", v2, KNOWN)).toEqual({
      kind: "refused",
      reason: `Kubernetes refused the change: deployments.apps "k8s-denied" is forbidden: ${kubernetes.admission.denial}images of sentinels must be signed by the release team`,
    });
    expect(proxy.requests).toHaveLength(1);
    expect(await cluster.patch("k8s-denied", { ...v2, image: "x:v3" }, KNOWN)).toMatchObject({
      kind: "patched",
    });
  });

  it("by a role is refused with the verb and the resource that are missing", async () => {
    await kubernetes.deploy("strange");
    const stranger = await open(await kubernetes.strangersKubeconfig());
    expect(await stranger.patch("k8s-strange", v2, KNOWN)).toEqual({
      kind: "refused",
      reason: `Kubernetes refused the change: deployments.apps "k8s-strange" is forbidden: User "stranger" cannot patch resource "deployments" in API group "apps" in the namespace "${kubernetes.namespace}"`,
    });
    expect(await generation("strange")).toBe(1);
  });

  const name = "k8s-answered";
  const about = { name, group: "apps", kind: "deployments" };
  const status = (code: number, reason: string, message: string, details?: object) => ({
    answer: code,
    body: JSON.stringify({ kind: "Status", status: "Failure", code, reason, message, details }),
  });
  const forbidden = `deployments.apps "${name}" is forbidden: `;
  const final: [string, ReturnType<typeof status>, string][] = [
    [
      "a webhook's 403",
      status(403, "", 'admission webhook "sign.test" denied the request: not signed'),
      "not signed",
    ],
    [
      "a webhook's 422 without causes",
      status(422, "", 'admission webhook "sign.test" denied the request: not signed'),
      "not signed",
    ],
    [
      "a webhook's 400",
      status(400, "BadRequest", 'admission webhook "sign.test" denied the request: not signed'),
      "not signed",
    ],
    [
      "a mutating policy that fails",
      status(403, "Invalid", "policy 'm' with binding 'm' denied request: type mismatch", about),
      "type mismatch",
    ],
    [
      "a quota",
      status(403, "Forbidden", `${forbidden}exceeded quota: few, requested: count/deployments.apps=1`, about),
      "exceeded quota: few",
    ],
  ];
  it.each(final)("by %s is refused at once, in the server's own words", async (_, answer, words) => {
    let asked = 0;
    proxy.mishap = ({ method }) => {
      if (method === "PATCH") asked++;
      return method === "PATCH" ? answer : undefined;
    };
    const outcome = await cluster.patch(name, v2, KNOWN);
    expect(outcome).toEqual({ kind: "refused", reason: expect.stringContaining(words) });
    expect(asked).toBe(1);
  });

  const passing: [string, ReturnType<typeof status>][] = [
    [
      "a webhook that cannot be called",
      status(500, "InternalError", 'Internal error occurred: failed calling webhook "sign.test"', {
        causes: [{ message: 'failed calling webhook "sign.test": context deadline exceeded' }],
      }),
    ],
    ["a gate before the API server", status(403, "Forbidden", "forbidden")],
    [
      "an API server that took no credentials",
      status(
        403,
        "Forbidden",
        `${forbidden}User "system:anonymous" cannot patch resource "deployments"`,
        about,
      ),
    ],
    [
      "an API server that has just started",
      status(403, "Forbidden", `${forbidden}not yet ready to handle request`, about),
    ],
  ];
  it.each(passing)("because of %s is tried again", async (_, answer) => {
    proxy.mishap = ({ method }) => (method === "PATCH" ? answer : undefined);
    await expect(cluster.patch(name, v2, KNOWN)).rejects.toMatchObject({ name: "TransientKubernetesError" });
  });

  it("by an API server that has not read its roles yet is made when it has", async () => {
    await kubernetes.deploy("early");
    const why = 'deployments.apps "k8s-early" is forbidden: User "x" cannot patch resource "deployments"';
    let left = 2;
    proxy.mishap = ({ method }) =>
      method === "PATCH" && left-- > 0 ? status(403, "Forbidden", why, about) : undefined;
    expect(await cluster.patch("k8s-early", v2, KNOWN)).toMatchObject({ kind: "patched" });
  });
});
