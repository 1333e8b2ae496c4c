import { afterEach, expect, test } from "vitest";
import {
  type EmbeddedKubernetes,
  FAULT_ANNOTATION,
  FAULT_IMAGE_ANNOTATION,
  startEmbeddedKubernetes,
} from "../../src/embedded-kubernetes/index.ts";
import { Cluster, condition, deployment, isRolledOut, until } from "../support/kubernetes-api.ts";

// What only the embedded API has: faults on demand, announced by the Deployment itself or injected into the API.

const FAULT = FAULT_ANNOTATION;
const V2 = "registry.test/sentinel:v2";
const started: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

async function start(
  options: Parameters<typeof startEmbeddedKubernetes>[0] = {},
): Promise<{ cluster: Cluster; kubernetes: EmbeddedKubernetes }> {
  const kubernetes = await startEmbeddedKubernetes({ podStartMs: 0, ...options });
  const cluster = await Cluster.at(kubernetes.url, () => kubernetes.close());
  started.push(cluster);
  return { cluster, kubernetes };
}

test("a fault announced on a Deployment breaks its next update, not the pods it starts with; undoing it works", async () => {
  const { cluster } = await start();
  await cluster.deploy("announced", { annotations: { [FAULT]: "ImagePullBackOff" } });
  await cluster.setImage("announced", V2);
  await until(async () => {
    const broken = (await cluster.pods("announced")).flatMap(({ status }) => status.containerStatuses ?? []);
    expect(broken.map(({ state }) => state)).toContainEqual({
      waiting: { reason: "ImagePullBackOff", message: `simulated ImagePullBackOff of image ${V2}` },
    });
  });
  await cluster.setImage("announced", "registry.test/sentinel:v1");
  await cluster.settled("announced");
});

test("pods of an update that began with a fault stay broken when the announcement is taken back; a new update is well", async () => {
  const { cluster } = await start();
  await cluster.deploy("kept", { annotations: { [FAULT]: "NeverReady" }, spec: { replicas: 1 } });
  await cluster.setImage("kept", V2);
  await until(async () => expect(await cluster.pods("kept")).toHaveLength(2));
  await cluster.mergePatch("deployments/kept", { metadata: { annotations: { [FAULT]: null } } });
  const pod = (await cluster.pods("kept")).find(
    ({ status }) => status.containerStatuses?.[0]?.ready === false,
  );
  await cluster.call("DELETE", `pods/${pod?.metadata.name}`);
  await until(async () => {
    const names = (await cluster.pods("kept")).map(({ metadata }) => metadata.name);
    expect(names).toHaveLength(2);
    expect(names).not.toContain(pod?.metadata.name);
  });
  expect(isRolledOut(await cluster.get("deployments/kept"))).toBe(false);
  await cluster.setImage("kept", "registry.test/sentinel:v3");
  await cluster.settled("kept");
});

test("once the Deployment's announcement is taken back, a fresh ReplicaSet of the same image is well", async () => {
  const { cluster } = await start();
  await cluster.deploy("mended", { annotations: { [FAULT]: "ImagePullBackOff" } });
  await cluster.setImage("mended", V2);
  await until(async () => expect(await cluster.pods("mended")).toHaveLength(3));
  await cluster.mergePatch("deployments/mended", { metadata: { annotations: { [FAULT]: null } } });
  await cluster.setImage("mended", V2, { "kubectl.kubernetes.io/restartedAt": "now" });
  await cluster.settled("mended");
});

test("a pod without a node gets one once its fault has healed, unless a selector keeps it out", async () => {
  const { cluster } = await start({ clockRate: 60 });
  for (const name of ["free", "pinned"]) {
    await cluster.deploy(name, { annotations: { [FAULT]: "Unschedulable:60" }, spec: { replicas: 1 } });
  }
  await cluster.setImage("free", V2);
  await cluster.strategicPatch("deployments/pinned", {
    spec: { template: { spec: { nodeSelector: { pool: "none" } } } },
  });
  await until(async () => {
    const conditions = (await cluster.pods("free")).map((pod) => condition(pod, "PodScheduled"));
    expect(conditions).toContainEqual({ status: "False", reason: "Unschedulable" });
  });
  await cluster.settled("free");
  expect(isRolledOut(await cluster.get("deployments/pinned"))).toBe(false);
});

test("the template's fault wins over the Deployment's, and fault-image limits both", async () => {
  const { cluster } = await start();
  const limited = { [FAULT]: "NeverReady", [FAULT_IMAGE_ANNOTATION]: "registry.test/sentinel:v3" };
  await cluster.deploy("both", { annotations: limited, spec: { replicas: 1 } });
  await cluster.setImage("both", V2);
  await cluster.settled("both");
  await cluster.setImage("both", "registry.test/sentinel:v3", { [FAULT]: "Unschedulable" });
  await until(async () => {
    const conditions = (await cluster.pods("both")).map((pod) => condition(pod, "PodScheduled"));
    expect(conditions).toContainEqual({ status: "False", reason: "Unschedulable" });
  });
});

test("a fast clock shortens what waits for minutes: a slow start, and the progress deadline", async () => {
  const { cluster } = await start({ clockRate: 600 });
  await cluster.deploy("slow", { annotations: { [FAULT]: "slow:120" } });
  await cluster.setImage("slow", V2);
  await cluster.settled("slow");
  await cluster.deploy("late", { annotations: { [FAULT]: "CrashLoopBackOff" } });
  await cluster.setImage("late", V2);
  await until(async () => {
    const found = await cluster.get("deployments/late");
    expect(condition(found, "Progressing")).toEqual({ status: "False", reason: "ProgressDeadlineExceeded" });
  });
});

test("a refusal answers with its status and Retry-After as often as asked for, and does nothing", async () => {
  const { cluster, kubernetes } = await start();
  const { metadata } = await cluster.deploy("refused");
  const fault = { kind: "status", code: 429, retryAfterSeconds: 7 } as const;
  kubernetes.faults.inject(fault, { times: 2, only: ({ verb }) => verb === "patch" });
  for (let count = 0; count < 2; count++) {
    const { code, headers, body } = await cluster.setImage("refused", V2);
    expect({ code, retryAfter: headers.get("retry-after"), kind: body.kind, reason: body.reason }).toEqual({
      code: 429,
      retryAfter: "7",
      kind: "Status",
      reason: "TooManyRequests",
    });
  }
  expect((await cluster.get("deployments/refused")).metadata).toEqual(metadata);
  expect((await cluster.setImage("refused", V2)).code).toBe(200);
});

test("a lost answer is one whose write was done; a reset is one whose was not", async () => {
  const { cluster, kubernetes } = await start();
  await cluster.deploy("lost", { spec: { replicas: 0 } });
  kubernetes.faults.inject({ kind: "reset" });
  await expect(cluster.setImage("lost", V2)).rejects.toThrow();
  expect((await cluster.get("deployments/lost")).metadata.generation).toBe(1);
  kubernetes.faults.inject({ kind: "lostAnswer" });
  await expect(cluster.setImage("lost", V2)).rejects.toThrow();
  expect((await cluster.get("deployments/lost")).metadata.generation).toBe(2);
});

test("a request that hangs gets no answer until the faults are cleared", async () => {
  const { cluster, kubernetes } = await start();
  kubernetes.faults.inject({ kind: "hang" }, { times: Number.POSITIVE_INFINITY });
  let settled = false;
  const hanging = cluster.get("deployments").finally(() => {
    settled = true;
  });
  const verdict = expect(hanging).rejects.toThrow();
  await until(() => expect(kubernetes.requests.get("list deployments")).toBe(1));
  expect(settled).toBe(false);
  kubernetes.faults.clear();
  await verdict;
  expect((await cluster.call("GET", "deployments")).code).toBe(200);
});

test("dropped watches break off and can be resumed where they were", async () => {
  const { cluster, kubernetes } = await start();
  const { metadata } = await cluster.deploy("dropped", { spec: { replicas: 0 } });
  const watch = await cluster.watch("deployments");
  await until(() => expect(watch.story).toEqual(["ADDED dropped"]));
  kubernetes.faults.dropWatches();
  expect(await watch.ended).toBe(false);
  await cluster.mergePatch("deployments/dropped", { metadata: { labels: { a: "b" } } });
  const resumed = await cluster.watch(`deployments?resourceVersion=${metadata.resourceVersion}`);
  await until(() => expect(resumed.story).toEqual(["MODIFIED dropped"]));
});

test("expired versions are gone: 410 in the stream of a watch, 410 for the next page of a list", async () => {
  const { cluster, kubernetes } = await start();
  await cluster.deploy("old-a", { spec: { replicas: 0 } });
  await cluster.deploy("old-b", { spec: { replicas: 0 } });
  const page = await cluster.get("deployments?limit=1");
  const open = await cluster.watch("deployments");
  kubernetes.faults.expireWatches();
  expect(await open.ended).toBe(false);

  const late = await cluster.watch(`deployments?resourceVersion=${page.metadata.resourceVersion}`);
  expect(late.code).toBe(200);
  expect(await late.ended).toBe(true);
  expect(late.events).toMatchObject([
    { type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } },
  ]);

  const next = `deployments?limit=1&continue=${encodeURIComponent(page.metadata.continue ?? "")}`;
  const { code, body } = await cluster.call("GET", next);
  expect({ code, reason: body.reason }).toEqual({ code: 410, reason: "Expired" });
  const onward = await cluster.get(
    `deployments?continue=${encodeURIComponent(body.metadata.continue ?? "")}`,
  );
  expect(onward.items?.map(({ metadata }) => metadata.name)).toEqual(["old-b"]);

  const fresh = await cluster.get("deployments");
  const watch = await cluster.watch(`deployments?resourceVersion=${fresh.metadata.resourceVersion}`);
  await cluster.call("DELETE", "deployments/old-a");
  await until(() => expect(watch.story).toEqual(["DELETED old-a"]));
});

test("a stale list shows what was, and a watch from its version tells what it missed", async () => {
  const { cluster, kubernetes } = await start();
  await cluster.deploy("gone", { spec: { replicas: 0 } });
  const { metadata } = await cluster.get("deployments");
  await cluster.call("DELETE", "deployments/gone");
  await cluster.deploy("new", { spec: { replicas: 0 } });
  const { resourceVersion } = metadata;
  kubernetes.faults.inject({ kind: "staleList", resourceVersion }, { only: ({ verb }) => verb === "list" });
  const stale = await cluster.get("deployments");
  expect(stale.items?.map(({ metadata: { name } }) => name)).toEqual(["gone"]);
  expect(stale.metadata.resourceVersion).toBe(resourceVersion);
  const watch = await cluster.watch(`deployments?resourceVersion=${stale.metadata.resourceVersion}`);
  await until(() => expect(watch.story.slice(0, 2)).toEqual(["DELETED gone", "ADDED new"]));
  const fresh = await cluster.get("deployments");
  expect(fresh.items?.map(({ metadata: { name } }) => name)).toEqual(["new"]);
});

test("what is not supported is refused rather than done halfway", async () => {
  const { cluster } = await start();
  await cluster.deploy("plain", { spec: { replicas: 0 } });
  const codes = [
    (await cluster.call("PATCH", "deployments/plain/scale?dryRun=All", {}, "application/merge-patch+json"))
      .code,
    (await cluster.call("DELETE", "deployments/plain?propagationPolicy=Orphan")).code,
    (await cluster.call("POST", "pods", {})).code,
    (await cluster.call("PATCH", "deployments/plain/status", {}, "application/merge-patch+json")).code,
    (await cluster.call("PATCH", "deployments/plain", "a: b", "application/apply-patch+yaml")).code,
    (await cluster.call("DELETE", "deployments")).code,
  ];
  expect(codes).toEqual([400, 400, 405, 404, 415, 405]);
});

test("closing ends open watches and everything that still waits", async () => {
  const { cluster, kubernetes } = await start({ podStartMs: 60_000 });
  await cluster.call("POST", "deployments", deployment("waiting"));
  const watch = await cluster.watch("deployments");
  await kubernetes.close();
  expect(await watch.ended).toBe(false);
  await expect(fetch(`${kubernetes.url}/readyz`)).rejects.toThrow();
});
