import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Body,
  Cluster,
  condition,
  isRolledOut,
  until,
  type WatchEvent,
} from "../support/kubernetes-api.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(() => cluster.stop());

const BROKEN = { "sentinel-rollout.dev/fault": "ImagePullBackOff" };
const V2 = "registry.test/sentinel:v2";

/** Watches one Deployment from its present version on. */
async function follow(name: string): Promise<{ events: WatchEvent[] }> {
  const { metadata } = await cluster.get(`deployments/${name}`);
  const field = `fieldSelector=metadata.name%3D${name}`;
  return cluster.watch(`deployments?${field}&resourceVersion=${metadata.resourceVersion}`);
}

function numbers({ metadata, status }: Body): string {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  return `${metadata.generation}/${observedGeneration} ${replicas}/${updatedReplicas}/${availableReplicas}`;
}

function reason(object: Body): string | undefined {
  return condition(object, "Progressing")?.reason;
}

describe("a rolling update", () => {
  test("goes from the patch to NewReplicaSetAvailable, and is never complete in between", async () => {
    const { metadata } = await cluster.deploy("healthy");
    expect(metadata.generation).toBe(1);
    const watch = await follow("healthy");
    await cluster.setImage("healthy", V2);
    const done = await cluster.settled("healthy");
    expect(condition(done, "Progressing")).toEqual({ status: "True", reason: "NewReplicaSetAvailable" });
    expect(condition(done, "Available")).toEqual({ status: "True", reason: "MinimumReplicasAvailable" });
    await until(() => expect(watch.events.some(({ object }) => isRolledOut(object))).toBe(true));
    const seen = watch.events.map(({ object }) => object);
    const end = seen.findIndex(isRolledOut);
    expect(seen.slice(0, 2).map(numbers)).toEqual(["2/1 2/2/2", "2/1 2/2/2"]);
    expect(seen.slice(0, 2).map(reason)).toEqual(["NewReplicaSetAvailable", "NewReplicaSetCreated"]);
    // Once the change has been seen, one new pod beside two old ones is reported before anything is complete.
    const steps = seen.slice(2, end);
    expect(steps.every(({ status }) => status.observedGeneration === 2)).toBe(true);
    expect(steps.map(numbers)).toContainEqual(expect.stringMatching(/^2\/2 3\/1\//));
    expect(steps.map(reason)).toContain("ReplicaSetUpdated");
    expect(seen.slice(end).every(isRolledOut)).toBe(true);
  });

  test("leaves a trail: owners, hash, revision and change cause", async () => {
    const first = await cluster.deploy("trail", { annotations: { "kubernetes.io/change-cause": "first" } });
    await cluster.mergePatch("deployments/trail", {
      metadata: { annotations: { "kubernetes.io/change-cause": "second" } },
      spec: { template: { metadata: { annotations: { changed: "yes" } } } },
    });
    await cluster.settled("trail");
    const { items = [] } = await cluster.get("replicasets?labelSelector=app%3Dtrail");
    const story = items
      .map(({ metadata, spec }) => ({
        revision: metadata.annotations?.["deployment.kubernetes.io/revision"],
        cause: metadata.annotations?.["kubernetes.io/change-cause"],
        replicas: spec.replicas,
        owner: metadata.ownerReferences?.[0]?.uid,
      }))
      .sort((a, b) => Number(a.revision) - Number(b.revision));
    const owner = first.metadata.uid;
    expect(story).toEqual([
      { revision: "1", cause: "first", replicas: 0, owner },
      { revision: "2", cause: "second", replicas: 2, owner },
    ]);
    const current = items.find(({ spec }) => spec.replicas === 2);
    const hash = current?.metadata.labels?.["pod-template-hash"];
    expect(current?.metadata.name).toBe(`trail-${hash}`);
    const pods = (await cluster.pods("trail")).filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined,
    );
    expect(pods.map(({ metadata }) => metadata.labels?.["pod-template-hash"])).toEqual([hash, hash]);
    expect(pods.map(({ metadata }) => metadata.ownerReferences?.[0]?.uid)).toEqual([
      current?.metadata.uid,
      current?.metadata.uid,
    ]);
  });

  test.for([
    { replicas: 4, maxSurge: 1, maxUnavailable: 0, most: 5, least: 4 },
    { replicas: 4, maxSurge: 0, maxUnavailable: 1, most: 4, least: 3 },
    { replicas: 3, maxSurge: "25%", maxUnavailable: "25%", most: 4, least: 3 },
    { replicas: 10, maxSurge: "30%", maxUnavailable: "20%", most: 13, least: 8 },
    { replicas: 1, maxSurge: "25%", maxUnavailable: "25%", most: 2, least: 1 },
  ])(
    "of $replicas with surge $maxSurge and unavailable $maxUnavailable goes up to $most pods and down to $least available",
    async ({ replicas, maxSurge, maxUnavailable, most, least }) => {
      const name = `bounds-${replicas}-${maxSurge}`.replace("%", "p");
      await cluster.deploy(name, {
        spec: { replicas, strategy: { rollingUpdate: { maxSurge, maxUnavailable } } },
      });
      const watch = await follow(name);
      // Pods that never come up let it run into both limits and stay there.
      await cluster.setImage(name, V2, BROKEN);
      await until(async () => {
        const { status } = await cluster.get(`deployments/${name}`);
        expect(status).toMatchObject({
          replicas: most,
          updatedReplicas: most - least,
          availableReplicas: least,
        });
      });
      const available = watch.events.map(({ object }) => object.status.availableReplicas ?? 0);
      expect(Math.min(...available)).toBe(least);
    },
  );

  test("of a Recreate Deployment ends the old pods before it starts new ones", async () => {
    await cluster.deploy("recreate", { spec: { strategy: { type: "Recreate" } } });
    const watch = await follow("recreate");
    const { metadata } = await cluster.get("pods");
    const old = (await cluster.pods("recreate")).map((pod) => pod.metadata.name);
    const pods = await cluster.watch(
      `pods?labelSelector=app%3Drecreate&resourceVersion=${metadata.resourceVersion}`,
    );
    await cluster.setImage("recreate", V2);
    await cluster.settled("recreate");
    await until(() => expect(watch.events.some(({ object }) => isRolledOut(object))).toBe(true));
    const mixed = watch.events.filter(({ object: { status } }) => {
      const { replicas = 0, updatedReplicas = 0 } = status;
      return updatedReplicas > 0 && replicas > updatedReplicas;
    });
    expect(mixed).toEqual([]);
    // The pods themselves: the Deployment's status may skip the moment at which there are none.
    const begun = await until(() => {
      const story = pods.story.filter((event) => !event.startsWith("MODIFIED"));
      expect(story).toHaveLength(4);
      return story;
    });
    expect(begun.slice(0, 2).sort()).toEqual(old.map((name) => `DELETED ${name}`).sort());
    expect(begun.slice(2)).toEqual([expect.stringMatching(/^ADDED /), expect.stringMatching(/^ADDED /)]);
  });

  test("at zero replicas is complete as soon as it is seen", async () => {
    await cluster.deploy("idle", { spec: { replicas: 0 } });
    const watch = await follow("idle");
    await cluster.setImage("idle", V2);
    await cluster.settled("idle");
    await until(() => expect(watch.events).toHaveLength(3));
    expect(watch.events.map(({ object }) => numbers(object))).toEqual([
      "2/1 0/0/0",
      "2/1 0/0/0",
      "2/2 0/0/0",
    ]);
    expect(watch.events[2]?.object.status).not.toHaveProperty("replicas");
  });

  test("waits minReadySeconds before a ready pod counts as available", async () => {
    await cluster.deploy("patient");
    const watch = await follow("patient");
    await cluster.strategicPatch("deployments/patient", { spec: { minReadySeconds: 2 } });
    await cluster.setImage("patient", V2);
    await cluster.settled("patient");
    const waiting = watch.events.filter(
      ({ object: { status } }) => (status.readyReplicas ?? 0) > (status.availableReplicas ?? 0),
    );
    expect(waiting.length).toBeGreaterThan(0);
  });

  test("keeps as many old ReplicaSets as the history limit says", async () => {
    await cluster.deploy("history", { spec: { revisionHistoryLimit: 2 } });
    for (const version of ["v2", "v3", "v4", "v5"]) {
      await cluster.setImage("history", `registry.test/sentinel:${version}`);
      await cluster.settled("history");
    }
    await until(async () => {
      const { items = [] } = await cluster.get("replicasets?labelSelector=app%3Dhistory");
      const images = items.map(({ spec }) => spec.template.spec.containers[0]?.image.split(":")[1]).sort();
      expect(images).toEqual(["v3", "v4", "v5"]);
    });
  });
});

describe("a rolling update that does not come up", () => {
  test("times out with the old pods serving; back on the old image the broken one goes", async () => {
    await cluster.deploy("stuck", { spec: { progressDeadlineSeconds: 3 } });
    const watch = await follow("stuck");
    await cluster.setImage("stuck", V2, BROKEN);
    const late = await until(async () => {
      const found = await cluster.get("deployments/stuck");
      expect(reason(found)).toBe("ProgressDeadlineExceeded");
      return found;
    });
    expect(condition(late, "Progressing")?.status).toBe("False");
    expect(late.status).toMatchObject({ replicas: 3, updatedReplicas: 1, availableReplicas: 2 });
    const undo = { "sentinel-rollout.dev/fault": null };
    await cluster.setImage("stuck", "registry.test/sentinel:v1", undo);
    const back = await cluster.settled("stuck");
    expect(back.metadata.annotations).toMatchObject({ "deployment.kubernetes.io/revision": "3" });
    expect(reason(back)).toBe("NewReplicaSetAvailable");
    const after = watch.events
      .map(({ object }) => object)
      .filter(({ metadata }) => metadata.generation === 3);
    // The condition of the failed rollout is still there until the new generation has been observed.
    expect(numbers(after[0] ?? back)).toBe("3/2 3/1/2");
    expect(reason(after[0] ?? back)).toBe("ProgressDeadlineExceeded");
    const observed = after.filter(({ status }) => status.observedGeneration === 3);
    expect(observed.map(reason)).not.toContain("ProgressDeadlineExceeded");
    await until(async () => expect(await cluster.pods("stuck")).toHaveLength(2));
  });

  const message = (kind: string) => `simulated ${kind} of image ${V2}`;
  const waiting = (kind: string) => ({ waiting: { reason: kind, message: message(kind) } });
  test.for([
    ["ImagePullBackOff", "Pending", 0, waiting("ImagePullBackOff")],
    ["CrashLoopBackOff", "Running", 5, waiting("CrashLoopBackOff")],
    ["CreateContainerConfigError", "Pending", 0, waiting("CreateContainerConfigError")],
    ["NeverReady", "Running", 0, { running: { startedAt: expect.any(String) } }],
    ["slow:3600", "Pending", undefined, undefined],
  ] as const)("because of %s shows that in its pod", async ([fault, phase, restartCount, state]) => {
    const name = `fault-${fault.toLowerCase().replace(":", "-")}`;
    await cluster.deploy(name, { spec: { replicas: 1 } });
    await cluster.setImage(name, V2, { "sentinel-rollout.dev/fault": fault });
    await until(async () => {
      const pod = (await cluster.pods(name)).find(({ spec }) => spec.containers?.[0]?.image === V2);
      expect(pod?.status.phase).toBe(phase);
      expect(pod === undefined ? undefined : condition(pod, "PodScheduled")?.status).toBe("True");
      const [container] = pod?.status.containerStatuses ?? [];
      expect(container?.restartCount).toBe(restartCount);
      expect(container?.state).toEqual(state);
      expect(container?.ready ?? false).toBe(false);
    });
    expect(await cluster.get(`deployments/${name}`)).toMatchObject({ status: { availableReplicas: 1 } });
  });

  test("because no node fits shows that in the pod's condition, never in a container", async () => {
    await cluster.deploy("unschedulable", { spec: { replicas: 1 } });
    await cluster.strategicPatch("deployments/unschedulable", {
      spec: { template: { spec: { nodeSelector: { pool: "none" } } } },
    });
    await until(async () => {
      const pod = (await cluster.pods("unschedulable")).find(({ spec }) => spec.nodeName === undefined);
      const scheduled = pod?.status.conditions?.find(({ type }) => type === "PodScheduled");
      expect(scheduled).toMatchObject({ status: "False", reason: "Unschedulable" });
      expect(scheduled?.message).toMatch(/^0\/3 nodes are available/);
      expect(pod?.status.containerStatuses).toBeUndefined();
    });
  });

  test("does so only for the image that the fault is limited to", async () => {
    await cluster.deploy("limited", { spec: { replicas: 1 } });
    const only = { ...BROKEN, "sentinel-rollout.dev/fault-image": "registry.test/sentinel:v3" };
    await cluster.setImage("limited", V2, only);
    await cluster.settled("limited");
    await cluster.setImage("limited", "registry.test/sentinel:v3");
    await until(async () => expect(await cluster.pods("limited")).toHaveLength(2));
    expect(isRolledOut(await cluster.get("deployments/limited"))).toBe(false);
  });
});

describe("scaling", () => {
  test("changes the size and nothing else", async () => {
    await cluster.deploy("scaled");
    const path = "deployments/scaled/scale";
    expect(await cluster.get(path)).toMatchObject({
      kind: "Scale",
      spec: { replicas: 2 },
      status: { replicas: 2, selector: "app=scaled" },
    });
    expect((await cluster.mergePatch(path, { spec: { replicas: 5 } })).code).toBe(200);
    const { metadata, status } = await cluster.settled("scaled");
    expect(status.availableReplicas).toBe(5);
    expect(metadata.annotations).toMatchObject({ "deployment.kubernetes.io/revision": "1" });
    await cluster.mergePatch(path, { spec: { replicas: 0 } });
    await until(async () => expect(await cluster.pods("scaled")).toEqual([]));
    expect((await cluster.mergePatch(path, { spec: { replicas: -1 } })).code).toBe(422);
  });

  test("in the middle of a stuck update shares the pods out, and the update stays where it is", async () => {
    await cluster.deploy("mid", { spec: { replicas: 4 } });
    await cluster.setImage("mid", V2, BROKEN);
    await until(async () => {
      expect((await cluster.get("deployments/mid")).status).toMatchObject({
        replicas: 5,
        updatedReplicas: 2,
      });
    });
    await cluster.mergePatch("deployments/mid/scale", { spec: { replicas: 8 } });
    await until(async () => {
      const { status } = await cluster.get("deployments/mid");
      expect({
        replicas: status.replicas,
        updated: status.updatedReplicas,
        available: status.availableReplicas,
      }).toEqual({
        replicas: 10,
        updated: 4,
        available: 6,
      });
    });
  });

  test("a deleted pod is replaced", async () => {
    await cluster.deploy("replaced", { spec: { replicas: 1 } });
    const [pod] = await cluster.pods("replaced");
    await cluster.call("DELETE", `pods/${pod?.metadata.name}`);
    await until(async () => {
      const [other, ...more] = await cluster.pods("replaced");
      expect(more).toEqual([]);
      expect(other?.metadata.name).not.toBe(pod?.metadata.name);
      expect(other === undefined ? undefined : condition(other, "Ready")?.status).toBe("True");
    });
  });
});
