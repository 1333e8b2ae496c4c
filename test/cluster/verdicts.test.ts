import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type DeploymentSnapshot,
  type Expectation,
  judge,
  type Verdict,
} from "../../src/domain/convergence.ts";
import type { DeploymentChange } from "../../src/kubernetes/cluster.ts";
import { until } from "../support/until.ts";
import { type Connected, connected } from "./connected.ts";

let { kubernetes, cluster, stop } = {} as Connected;

beforeAll(async () => {
  ({ kubernetes, cluster, stop } = await connected());
});
afterAll(() => stop?.());

const FAULT = "sentinel-rollout.dev/fault";

interface Setup {
  replicas?: number;
  progressDeadlineSeconds?: number;
  /** What befalls the pods of the image x:bad. */
  fault?: string;
}

/** A sentinel that serves x:v1. */
async function serve(id: string, { replicas = 1, progressDeadlineSeconds = 600, fault }: Setup = {}) {
  await kubernetes.deploy(id, (deployment) => {
    Object.assign(deployment.spec ?? {}, { replicas, progressDeadlineSeconds });
    const annotations = deployment.spec?.template.metadata?.annotations;
    if (fault !== undefined && annotations !== undefined) annotations[FAULT] = fault;
  });
  await verdict(id, "converged");
}

/** The patch of a Deploy, and what that Deploy waits for. */
async function deploy(id: string, change: Partial<DeploymentChange> = {}): Promise<Expectation> {
  const image = change.image ?? "x:v2";
  const outcome = await cluster.patch(`k8s-${id}`, { image, changeCause: `to ${image}`, ...change });
  if (outcome.kind === "refused") throw new Error(outcome.reason);
  return { image, generation: outcome.snapshot.generation };
}

async function read(id: string): Promise<DeploymentSnapshot> {
  const snapshot = await cluster.read(`k8s-${id}`);
  if (snapshot === undefined) throw new Error(`no Deployment k8s-${id}`);
  return snapshot;
}

/** The first verdict of this kind; a converged one must be true of the pods as well. */
async function verdict(id: string, kind: Verdict["kind"], expected?: Expectation): Promise<Verdict> {
  return until(`the verdict ${kind} on ${id}`, async () => {
    const found = judge(await cluster.read(`k8s-${id}`), expected);
    if (found.kind !== kind) throw new Error(JSON.stringify(found));
    return found;
  });
}

/** Waits until the Deployment has the numbers replicas/updated/available. */
async function numbers(id: string, wanted: string): Promise<void> {
  await until(`${wanted} replicas of ${id}`, async () => {
    const { replicas, updatedReplicas, availableReplicas, generation, observedGeneration } = await read(id);
    const found = `${replicas}/${updatedReplicas}/${availableReplicas}`;
    if (found !== wanted || observedGeneration < generation) throw new Error(found);
    return true;
  });
}

async function images(id: string): Promise<(string | undefined)[]> {
  const { namespace, admin } = kubernetes;
  const { items } = await admin.core.listNamespacedPod({ namespace, labelSelector: `app=${id}` });
  return items
    .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
    .map(({ spec }) => spec?.containers[0]?.image);
}

describe("a rollout that comes up", () => {
  it("is waited for from the patch on, and converged only when every pod has the image", async () => {
    await serve("healthy", { replicas: 3 });
    const expected = await deploy("healthy");
    await verdict("healthy", "converged", expected);
    expect(await images("healthy")).toEqual(["x:v2", "x:v2", "x:v2"]);
    expect(await cluster.podTrouble("k8s-healthy")).toBeUndefined();
  });

  it("is never converged at a generation before its own patch", async () => {
    await serve("early");
    const { generation } = await deploy("early", { image: "x:bad" });
    expect(generation).toBe(2);
    expect(judge(await read("early"), { image: "x:bad", generation }).kind).toBe("waiting");
    await numbers("early", "2/1/1");
    expect(judge(await read("early"), { image: "x:bad", generation })).toMatchObject({
      kind: "waiting",
      on: "1 old replica to terminate",
    });
  });

  it("needs no pods where none are wanted", async () => {
    await serve("empty", { replicas: 0 });
    await verdict("empty", "converged", await deploy("empty", { image: "x:bad" }));
    expect(await images("empty")).toEqual([]);
  });

  it("takes its time where pods are slow", async () => {
    await serve("slow", { fault: "slow:2" });
    const expected = await deploy("slow", { image: "x:bad" });
    await numbers("slow", "2/1/1");
    expect(judge(await read("slow"), expected).kind).toBe("waiting");
    expect(await cluster.podTrouble("k8s-slow")).toBeUndefined();
    await verdict("slow", "converged", expected);
  });

  it("with other resources and another size in the same patch ends with all of them", async () => {
    await serve("all");
    await verdict(
      "all",
      "converged",
      await deploy("all", { cpuMillicores: 500, memoryMib: 128, replicas: 2 }),
    );
    expect(await read("all")).toMatchObject({
      availableReplicas: 2,
      cpuLimitMillicores: 500,
      memoryLimitMib: 128,
    });
    expect(await images("all")).toEqual(["x:v2", "x:v2"]);
  });
});

describe("a rollout that does not come up", () => {
  const message = (kind: string) => `${kind}: simulated ${kind} of image x:bad`;
  it.each([
    ["ImagePullBackOff", { reason: message("ImagePullBackOff"), kind: "failure" }],
    ["CrashLoopBackOff", { reason: "CrashLoopBackOff: exit code 1", kind: "failure" }],
    ["CreateContainerConfigError", { reason: message("CreateContainerConfigError"), kind: "failure" }],
    // Runs and is not ready: the pod does not say why.
    ["NeverReady", undefined],
  ])("for %s is waited for, and its pods say why", async (fault, trouble) => {
    const id = fault.toLowerCase();
    await serve(id, { fault });
    const expected = await deploy(id, { image: "x:bad" });
    await numbers(id, "2/1/1");
    await until(`what the pods of ${id} say`, async () => {
      const { namespace, admin } = kubernetes;
      const { items } = await admin.core.listNamespacedPod({ namespace, labelSelector: `app=${id}` });
      return items.every(({ status }) => status?.containerStatuses !== undefined);
    });
    expect(await cluster.podTrouble(`k8s-${id}`)).toEqual(trouble);
    expect(judge(await read(id), expected).kind).toBe("waiting");
  });

  it("because no node fits is waited for, and its pod says so in its condition", async () => {
    await serve("unschedulable");
    await kubernetes.patch("unschedulable", [
      { op: "add", path: "/spec/template/spec/nodeSelector", value: { pool: "none" } },
    ]);
    const expected = await deploy("unschedulable");
    const trouble = await until("an unschedulable pod", () => cluster.podTrouble("k8s-unschedulable"));
    expect(trouble).toMatchObject({
      reason: expect.stringMatching(/^Unschedulable: 0\/\d+ nodes are available/),
      kind: "unschedulable",
    });
    expect(judge(await read("unschedulable"), expected).kind).toBe("waiting");
  });

  it("fails at its progress deadline with the controller's message, the old pods serving", async () => {
    await serve("late", { replicas: 2, progressDeadlineSeconds: 2, fault: "NeverReady" });
    const expected = await deploy("late", { image: "x:bad" });
    expect(await verdict("late", "failed", expected)).toEqual({
      kind: "failed",
      stalled: true,
      reason: expect.stringMatching(
        /^ProgressDeadlineExceeded: ReplicaSet "k8s-late-\w+" has timed out progressing\.$/,
      ),
    });
    expect(await read("late")).toMatchObject({ replicas: 3, updatedReplicas: 1, availableReplicas: 2 });
  });

  it("taken back after its deadline converges on the old image, and the old failure is never taken for a new one", async () => {
    await serve("undone", { replicas: 2, progressDeadlineSeconds: 2, fault: "ImagePullBackOff" });
    await verdict("undone", "failed", await deploy("undone", { image: "x:bad" }));
    const expected = await deploy("undone", { image: "x:v1" });
    const verdicts: Verdict["kind"][] = [];
    await until("the undone rollout to converge", async () => {
      const { kind } = judge(await read("undone"), expected);
      verdicts.push(kind);
      return kind === "converged";
    });
    expect(verdicts).not.toContain("failed");
    await until("the broken pod to go", async () => (await images("undone")).length === 2);
    expect(await images("undone")).toEqual(["x:v1", "x:v1"]);
    expect(await cluster.podTrouble("k8s-undone")).toBeUndefined();
  });

  it("a second rollout after one that timed out has a deadline of its own", async () => {
    await serve("again", { progressDeadlineSeconds: 2, fault: "CrashLoopBackOff" });
    await verdict("again", "failed", await deploy("again", { image: "x:bad" }));
    await verdict("again", "converged", await deploy("again", { image: "x:v3" }));
    expect(await images("again")).toEqual(["x:v3"]);
  });
});

describe("a rollout that others touch", () => {
  it("fails when somebody moves the image on, and when the Deployment goes", async () => {
    await serve("moved");
    const expected = await deploy("moved", { image: "x:bad" });
    await kubernetes.patch("moved", [
      { op: "replace", path: "/spec/template/spec/containers/0/image", value: "x:theirs" },
    ]);
    expect(await verdict("moved", "failed", expected)).toEqual({
      kind: "failed",
      reason: "image was changed to x:theirs by somebody else",
      moved: "x:theirs",
    });
    await kubernetes.remove("moved");
    await expect.poll(() => cluster.read("k8s-moved"), { timeout: 20_000 }).toBeUndefined();
    expect(judge(await cluster.read("k8s-moved"), expected)).toEqual({
      kind: "failed",
      reason: "Deployment not found",
    });
  });

  it("goes on when somebody annotates or labels the Deployment", async () => {
    await serve("noted");
    const expected = await deploy("noted");
    await kubernetes.patch("noted", [{ op: "add", path: "/metadata/annotations/note", value: "hello" }]);
    await kubernetes.patch("noted", [{ op: "add", path: "/metadata/labels/note", value: "hello" }]);
    await verdict("noted", "converged", expected);
    const { generation } = await read("noted");
    expect(generation).toBe(expected.generation + 1);
  });

  it.each([
    ["up", 4, 6],
    ["down", 4, 2],
  ])("converges with the new size when it is scaled %s meanwhile", async (way, from, to) => {
    const id = `scaled-${way}`;
    await serve(id, { replicas: from, fault: "slow:1" });
    const expected = await deploy(id, { image: "x:bad" });
    await numbers(id, "5/2/3");
    await kubernetes.patch(id, [{ op: "replace", path: "/spec/replicas", value: to }]);
    await verdict(id, "converged", expected);
    expect(await images(id)).toEqual(Array.from({ length: to }, () => "x:bad"));
    expect(await read(id)).toMatchObject({ desiredReplicas: to, availableReplicas: to });
  });

  it("is still waited for when it is stuck and scaled", async () => {
    await serve("stuck", { replicas: 4, fault: "NeverReady" });
    const expected = await deploy("stuck", { image: "x:bad" });
    await numbers("stuck", "5/2/3");
    await kubernetes.patch("stuck", [{ op: "replace", path: "/spec/replicas", value: 8 }]);
    await numbers("stuck", "10/4/6");
    expect(judge(await read("stuck"), expected)).toEqual({
      kind: "waiting",
      on: "4 of 8 replicas to be updated",
    });
    await kubernetes.patch("stuck", [{ op: "replace", path: "/spec/replicas", value: 0 }]);
    await verdict("stuck", "converged", expected);
  });
});
