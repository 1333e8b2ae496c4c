import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Expectation, judge } from "../../src/domain/convergence.ts";
import type { DeploymentChange, PatchTerms } from "../../src/kubernetes/cluster.ts";
import { until } from "../support/until.ts";
import { type Connected, connected } from "./connected.ts";

let { kubernetes, cluster, stop } = {} as Connected;

beforeAll(async () => {
  ({ kubernetes, cluster, stop } = await connected());
});
afterAll(() => stop?.());

const BAD: DeploymentChange = { image: "x:bad", changeCause: "to x:bad" };
const AT = "2026-01-02T03:04:05.678Z";
const RESTARTED_AT = "sentinel-rollout.dev/restarted-at";
/** A retry that found it stuck; and a Deploy that comes for the first time. */
const RETRY: PatchTerms = { restart: { at: AT, found: true } };
const FIRST: PatchTerms = { from: "x:v1", restart: { at: AT, found: false } };

/** A sentinel that serves x:v1, and whose pods of x:bad have the fault. */
async function serve(id: string, fault: string, progressDeadlineSeconds = 600): Promise<void> {
  await kubernetes.deploy(id, ({ spec }) => {
    Object.assign(spec ?? {}, { progressDeadlineSeconds });
    const annotations = spec?.template.metadata?.annotations;
    if (annotations !== undefined) annotations["sentinel-rollout.dev/fault"] = fault;
  });
  await until(`${id} to serve`, async () => judge(await cluster.read(`k8s-${id}`)).kind === "converged");
}

async function patch(id: string, terms: PatchTerms): Promise<Expectation & { unchanged?: true }> {
  const outcome = await cluster.patch(`k8s-${id}`, BAD, terms);
  if (outcome.kind === "refused") throw new Error(outcome.reason);
  const { image = "", generation, uid } = outcome.snapshot;
  return { image, generation, uid, ...(outcome.unchanged ? { unchanged: true } : {}) };
}

const passedItsDeadline = (id: string) =>
  until(`${id} to pass its deadline`, async () => judge(await cluster.read(`k8s-${id}`)).kind === "failed");
const inTrouble = (id: string) =>
  until(`the pods of ${id} to be in trouble`, () => cluster.podTrouble(`k8s-${id}`));

async function restartedAt(id: string): Promise<string | undefined> {
  const { namespace, admin } = kubernetes;
  const { spec } = await admin.apps.readNamespacedDeployment({ name: `k8s-${id}`, namespace });
  return spec?.template.metadata?.annotations?.[RESTARTED_AT];
}

/** How many ReplicaSets were made for it so far. */
async function replicaSets(id: string): Promise<number> {
  const { namespace, admin } = kubernetes;
  const { items } = await admin.apps.listNamespacedReplicaSet({ namespace, labelSelector: `app=${id}` });
  return items.length;
}

describe("a retry of a Deployment that has the image and does not come up", () => {
  it.each([
    ["past its deadline", "deadline", "NeverReady", 2, passedItsDeadline],
    ["with its pods in trouble", "trouble", "ImagePullBackOff", 600, inTrouble],
  ])("%s gives it a fresh ReplicaSet, once", async (_, id, fault, deadline, isStuck) => {
    await serve(id, fault, deadline);
    await patch(id, FIRST);
    await isStuck(id);
    expect(await replicaSets(id)).toBe(2);

    const expected = await patch(id, RETRY);
    expect(expected.unchanged).toBeUndefined();
    // What it was before says nothing about what was just begun.
    const seen: string[] = [];
    await until("a fresh ReplicaSet", async () => {
      seen.push(judge(await cluster.read(`k8s-${id}`), expected).kind);
      return (await replicaSets(id)) === 3;
    });
    expect(new Set(seen)).toEqual(new Set(["waiting"]));
    expect(await restartedAt(id)).toBe(AT);

    // The answer was lost: tried again, also when the fresh one is in the same trouble.
    await isStuck(id);
    const { generation } = await patch(id, RETRY);
    expect(generation).toBe(expected.generation);
    expect(await replicaSets(id)).toBe(3);
  });

  it("is made to one that somebody moved there by hand, too", async () => {
    await serve("by-hand", "CrashLoopBackOff");
    const path = "/spec/template/spec/containers/0/image";
    await kubernetes.patch("by-hand", [{ op: "replace", path, value: "x:bad" }]);
    await inTrouble("by-hand");
    await patch("by-hand", FIRST);
    expect(await restartedAt("by-hand")).toBe(AT);
  });

  it("keeps annotations of others on the pod template, and makes the first one where there is none", async () => {
    await serve("kept", "ImagePullBackOff");
    await patch("kept", FIRST);
    await inTrouble("kept");
    await patch("kept", RETRY);
    const { namespace, admin } = kubernetes;
    const { spec } = await admin.apps.readNamespacedDeployment({ name: "k8s-kept", namespace });
    expect(spec?.template.metadata?.annotations).toEqual({
      "sentinel-rollout.dev/fault": "ImagePullBackOff",
      "sentinel-rollout.dev/fault-image": "x:bad",
      [RESTARTED_AT]: AT,
    });
    await kubernetes.deploy("bare", (deployment) => {
      delete deployment.spec?.template.metadata?.annotations;
      Object.assign(deployment.spec?.template.spec ?? {}, {
        containers: [{ name: "sentinel", image: "x:bad", command: ["x"] }],
        nodeSelector: { pool: "none" },
      });
      Object.assign(deployment.spec ?? {}, { progressDeadlineSeconds: 3 });
    });
    await passedItsDeadline("bare");
    await patch("bare", RETRY);
    expect(await restartedAt("bare")).toBe(AT);
  });
});

describe("never restarted is", () => {
  it("what came up, whatever was seen before", async () => {
    await serve("up", "slow:0");
    const expected = await patch("up", FIRST);
    await until(
      "it to come up",
      async () => judge(await cluster.read("k8s-up"), expected).kind === "converged",
    );
    expect(await patch("up", RETRY)).toMatchObject({ generation: expected.generation, unchanged: true });
    expect(await restartedAt("up")).toBeUndefined();
  });

  it("what is coming up", async () => {
    await serve("coming", "slow:5");
    await patch("coming", FIRST);
    await until(
      "its first new pod",
      async () => ((await cluster.read("k8s-coming"))?.updatedReplicas ?? 0) > 0,
    );
    await patch("coming", RETRY);
    expect(await restartedAt("coming")).toBeUndefined();
  });

  it("what this very Deploy has just begun, its answer lost", async () => {
    await serve("lost", "ImagePullBackOff");
    const { generation } = await patch("lost", FIRST);
    await inTrouble("lost");
    expect((await patch("lost", FIRST)).generation).toBe(generation);
    expect(await restartedAt("lost")).toBeUndefined();
  });

  it("what waits for a node", async () => {
    await serve("no-node", "NeverReady");
    await kubernetes.patch("no-node", [
      { op: "add", path: "/spec/template/spec/nodeSelector", value: { pool: "none" } },
    ]);
    await patch("no-node", FIRST);
    await inTrouble("no-node");
    await patch("no-node", RETRY);
    expect(await restartedAt("no-node")).toBeUndefined();
  });

  it("what a revert or a settling Deploy finds, and an old deadline is no verdict on it", async () => {
    await serve("reverted", "NeverReady", 2);
    await patch("reverted", FIRST);
    await passedItsDeadline("reverted");
    const expected = await patch("reverted", {});
    expect(await restartedAt("reverted")).toBeUndefined();
    expect(expected.unchanged).toBe(true);
    expect(judge(await cluster.read("k8s-reverted"), expected)).toEqual({
      kind: "waiting",
      on: "the Deployment to progress",
      suspicion: { kind: "failure", reason: expect.stringMatching(/^ProgressDeadlineExceeded: /) },
      late: true,
    });
  });
});

it("a Deployment that was deleted and created again is not the one that was patched", async () => {
  await serve("again", "slow:0");
  const expected = await patch("again", FIRST);
  await kubernetes.remove("again");
  await until("it to be gone", async () => (await cluster.read("k8s-again")) === undefined);
  expect(judge(await cluster.read("k8s-again"), expected).kind).toBe("failed");
  await serve("again", "slow:0");
  const found = await cluster.read("k8s-again");
  expect(found?.generation).toBeLessThan(expected.generation);
  expect(judge(found, expected)).toEqual({ kind: "recreated" });
  const anew = await patch("again", {});
  await until("it to come up", async () => judge(await cluster.read("k8s-again"), anew).kind === "converged");
});
