import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Body, Cluster, condition, isRolledOut, until } from "../support/kubernetes-api.ts";

// Faults that end, and one that comes later: what a rehearsal of the runbook needs of the pods, simulated nodes alike.

const FAULT = "sentinel-rollout.dev/fault";
const V2 = "registry.test/sentinel:v2";
const V3 = "registry.test/sentinel:v3";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
});
afterAll(async () => cluster?.stop());

/** The first pod of the image that is as `is` says. */
function pod(name: string, image: string, is: (pod: Body) => boolean): Promise<Body> {
  return until(async () => {
    const pods = await cluster.pods(name);
    const found = pods.find((each) => each.spec.containers?.[0]?.image === image && is(each));
    if (found === undefined) throw new Error(JSON.stringify(pods.map(({ status }) => status)));
    return found;
  });
}

const waits = (reason: string) => (found: Body) =>
  JSON.stringify(found.status.containerStatuses ?? []).includes(`"reason":"${reason}"`);

const restartsOf = ({ status }: Body) => status.containerStatuses?.[0]?.restartCount;

describe("a fault with seconds", () => {
  it.concurrent.each([
    ["ImagePullBackOff", waits("ImagePullBackOff")],
    ["CrashLoopBackOff", waits("CrashLoopBackOff")],
    ["CreateContainerConfigError", waits("CreateContainerConfigError")],
    ["NeverReady", (found: Body) => condition(found, "Ready")?.status === "False"],
  ])("%s breaks the pods and heals by itself", async (fault, isBroken) => {
    const name = fault.toLowerCase();
    await cluster.deploy(name, { spec: { replicas: 1 } });
    await cluster.setImage(name, V2, { [FAULT]: `${fault}:2` });
    const broken = await pod(name, V2, isBroken);
    expect(isRolledOut(await cluster.get(`deployments/${name}`))).toBe(false);

    await cluster.settled(name);
    const healed = await pod(name, V2, (found) => condition(found, "Ready")?.status === "True");
    expect(healed.metadata.uid).toBe(broken.metadata.uid);
    expect(condition(healed, "Ready")).toEqual({ status: "True" });
    expect(healed.status).toMatchObject({ phase: "Running", containerStatuses: [{ ready: true }] });
  });

  it.concurrent("holds for each pod of an update, and the update is complete in the end", async () => {
    await cluster.deploy("several", { spec: { replicas: 2 } });
    await cluster.setImage("several", V2, { [FAULT]: "ImagePullBackOff:1" });
    await cluster.settled("several");
    const pods = await until(async () => {
      const found = await cluster.pods("several");
      expect(found).toHaveLength(2);
      return found;
    });
    expect(pods.map((each) => each.spec.containers?.[0]?.image)).toEqual([V2, V2]);
  });
});

describe("crash-after:<seconds>", () => {
  it.concurrent("comes up; later its containers crash, are started again, and wait for good", async () => {
    await cluster.deploy("crash", { spec: { replicas: 1 } });
    await cluster.setImage("crash", V2, { [FAULT]: "crash-after:3" });
    await cluster.settled("crash");
    const died = { ready: false, lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } } };
    const again = await pod("crash", V2, (found) => restartsOf(found) === 1);
    expect(again.status).toMatchObject({
      phase: "Running",
      containerStatuses: [{ ...died, restartCount: 1 }],
    });
    const broken = await pod("crash", V2, waits("CrashLoopBackOff"));
    expect(broken.status).toMatchObject({
      phase: "Running",
      containerStatuses: [{ ...died, restartCount: 3 }],
    });
    expect(condition(broken, "Ready")).toEqual(condition(again, "Ready"));
    const found = await until(async () => {
      const present = await cluster.get("deployments/crash");
      expect(present.status.availableReplicas).toBeUndefined();
      return present;
    });
    expect(condition(found, "Available")?.status).toBe("False");
    expect(condition(found, "Progressing")).toEqual({ status: "True", reason: "NewReplicaSetAvailable" });

    await cluster.setImage("crash", V3, { [FAULT]: null });
    await cluster.settled("crash");
  });
});

describe("flap-after:<seconds>", () => {
  it.concurrent("comes up; later its pod is unready and ready by turns, and never restarted", async () => {
    await cluster.deploy("flap", { spec: { replicas: 1 } });
    await cluster.setImage("flap", V2, { [FAULT]: "flap-after:1" });
    await cluster.settled("flap");
    for (const status of ["False", "True", "False", "True"]) {
      const found = await pod("flap", V2, (each) => condition(each, "Ready")?.status === status);
      expect(found.status).toMatchObject({
        containerStatuses: [{ ready: status === "True", restartCount: 0 }],
      });
    }
  });
});

describe("a fault that is taken out of the template", () => {
  it.concurrent("breaks no pod of the ReplicaSet that follows, of the same image", async () => {
    await cluster.deploy("mended", { spec: { replicas: 2 } });
    await cluster.setImage("mended", V2, { [FAULT]: "ImagePullBackOff" });
    await pod("mended", V2, waits("ImagePullBackOff"));
    const path = "/spec/template/metadata/annotations/sentinel-rollout.dev~1fault";
    await cluster.jsonPatch("deployments/mended", [{ op: "remove", path }]);
    await cluster.settled("mended");
    await pod("mended", V2, (found) => condition(found, "Ready")?.status === "True");
  });
});
