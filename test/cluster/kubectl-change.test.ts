import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { condition, until } from "../support/kubernetes-api.ts";
import { type Kubectl, startKubectl } from "./kubectl.ts";

const V1 = "registry.test/sentinel:v1";
const V2 = "registry.test/sentinel:v2";

describe("kubectl changes", () => {
  let kubectl: Kubectl;
  beforeAll(async () => {
    kubectl = await startKubectl();
  });
  afterAll(() => kubectl.stop());

  const image = async (name: string) =>
    (await kubectl.cluster.get(`deployments/${name}`)).spec.template.spec.containers[0]?.image;
  const status = (name: string) => kubectl.run("rollout", "status", `deploy/${name}`, "--timeout=30s");

  test("the image; rollout status waits, rollout history names the cause, rollout undo takes it back", async () => {
    const { cluster } = kubectl;
    await cluster.deploy("image");
    const set = await kubectl.run("set", "image", "deploy/image", `sentinel=${V2}`);
    expect(set.stdout).toBe("deployment.apps/image image updated");
    expect((await status("image")).stdout).toContain('deployment "image" successfully rolled out');
    await kubectl.run("annotate", "deploy/image", "kubernetes.io/change-cause=to v2");
    const history = () => kubectl.rows("rollout", "history", "deploy/image");
    await until(async () =>
      expect((await history()).slice(1)).toEqual([
        ["REVISION", "CHANGE-CAUSE"],
        ["1", "<none>"],
        ["2", "to v2"],
      ]),
    );
    const revision = await kubectl.run("rollout", "history", "deploy/image", "--revision=1");
    expect(revision.stdout).toContain(V1);
    const undo = await kubectl.run("rollout", "undo", "deploy/image");
    expect(undo.stdout).toBe("deployment.apps/image rolled back");
    expect((await status("image")).exitCode).toBe(0);
    expect(await image("image")).toBe(V1);
    expect((await cluster.get("replicasets?labelSelector=app%3Dimage")).items).toHaveLength(2);
    await until(async () => expect((await history()).slice(2).map(([number]) => number)).toEqual(["2", "3"]));
    await kubectl.run("rollout", "undo", "deploy/image", "--to-revision=2");
    expect((await status("image")).exitCode).toBe(0);
    expect(await image("image")).toBe(V2);
  });

  test("a rollout into trouble: rollout status fails at the progress deadline, and describe says why", async () => {
    const { cluster } = kubectl;
    const fault = {
      "sentinel-rollout.dev/fault": "CrashLoopBackOff",
      "sentinel-rollout.dev/fault-image": V2,
    };
    await cluster.deploy("failing", { spec: { progressDeadlineSeconds: 3 }, templateAnnotations: fault });
    await kubectl.run("set", "image", "deploy/failing", `sentinel=${V2}`);
    const failed = await status("failing");
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain('deployment "failing" exceeded its progress deadline');
    const pods = await kubectl.rows("get", "pods", "-l", "app=failing");
    expect(pods.map((row) => row[2])).toContain("CrashLoopBackOff");
    expect(pods.find((row) => row[2] === "CrashLoopBackOff")?.[3]).toMatch(/^5 \(\d+s ago\)$/);
    const { stdout } = await kubectl.run("describe", "deploy", "failing");
    expect(stdout).toMatch(/Progressing\s+False\s+ProgressDeadlineExceeded/);
    expect(stdout).toMatch(/NewReplicaSet:\s+failing-\w+ \(1\/1 replicas created\)/);
    expect((await kubectl.run("rollout", "undo", "deploy/failing")).exitCode).toBe(0);
    expect((await status("failing")).exitCode).toBe(0);
  });

  test("the size with scale, and the pods with rollout restart", async () => {
    const { cluster } = kubectl;
    await cluster.deploy("size");
    expect((await kubectl.run("scale", "deploy/size", "--replicas=3")).stdout).toBe(
      "deployment.apps/size scaled",
    );
    expect((await cluster.settled("size")).status.availableReplicas).toBe(3);
    const wrong = await kubectl.run("scale", "deploy/size", "--current-replicas=7", "--replicas=1");
    expect(wrong).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("Expected replicas to be 7, was 3"),
    });
    await kubectl.run("rollout", "restart", "deploy/size");
    expect((await status("size")).exitCode).toBe(0);
    const { metadata, spec } = await cluster.get("deployments/size");
    expect(metadata.annotations).toMatchObject({ "deployment.kubernetes.io/revision": "2" });
    expect(spec.template.metadata).toMatchObject({
      annotations: { "kubectl.kubernetes.io/restartedAt": expect.any(String) },
    });
  });

  test("nothing while a rollout is paused, until it is resumed", async () => {
    const { cluster } = kubectl;
    await cluster.deploy("paused");
    await kubectl.run("rollout", "pause", "deploy/paused");
    await kubectl.run("set", "image", "deploy/paused", `sentinel=${V2}`);
    await until(async () => {
      const found = await cluster.get("deployments/paused");
      expect(found.status.observedGeneration).toBe(found.metadata.generation);
      expect(found.status.updatedReplicas).toBeUndefined();
      expect(condition(found, "Progressing")).toEqual({ status: "Unknown", reason: "DeploymentPaused" });
    });
    await kubectl.run("rollout", "resume", "deploy/paused");
    await cluster.settled("paused");
  });

  test("a Deployment with each of the three kinds of patch", async () => {
    const { cluster } = kubectl;
    await cluster.deploy("patched", { spec: { replicas: 0 } });
    const patch = (type: string, body: unknown) =>
      kubectl.run("patch", "deploy", "patched", `--type=${type}`, "-p", JSON.stringify(body));
    const container = { name: "sentinel", image: V2 };
    const strategic = await patch("strategic", { spec: { template: { spec: { containers: [container] } } } });
    expect(strategic.stdout).toBe("deployment.apps/patched patched");
    expect(await image("patched")).toBe(V2);
    await patch("merge", { metadata: { labels: { tier: "x" } } });
    const path = "/spec/template/spec/containers/0";
    const back = await patch("json", [
      { op: "test", path: `${path}/name`, value: "sentinel" },
      { op: "replace", path: `${path}/image`, value: V1 },
    ]);
    expect(back.exitCode).toBe(0);
    const { metadata, spec } = await cluster.get("deployments/patched");
    expect(metadata.labels).toEqual({ app: "patched", tier: "x" });
    expect(spec.template.spec.containers).toMatchObject([{ name: "sentinel", image: V1 }]);
    // The controller writes its own annotation meanwhile, which would be a change.
    await cluster.settled("patched");
    const again = await patch("merge", { metadata: { labels: { tier: "x" } } });
    expect(again.stdout).toBe("deployment.apps/patched patched (no change)");
    const refused = await patch("json", [{ op: "test", path: `${path}/name`, value: "another" }]);
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("The request is invalid"),
    });
  });

  test("annotations and labels, and takes them away again", async () => {
    const { cluster } = kubectl;
    await cluster.deploy("noted", { spec: { replicas: 0 } });
    expect((await kubectl.run("annotate", "deploy/noted", "a=1")).stdout).toBe(
      "deployment.apps/noted annotated",
    );
    const taken = await kubectl.run("annotate", "deploy/noted", "a=2");
    expect(taken).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("--overwrite is false") });
    await kubectl.run("annotate", "deploy", "-l", "app=noted", "a=2", "--overwrite");
    await kubectl.run("label", "deploy/noted", "tier=x");
    const { metadata } = await cluster.get("deployments/noted");
    expect(metadata.annotations).toMatchObject({ a: "2" });
    expect(metadata.labels).toEqual({ app: "noted", tier: "x" });
    await kubectl.run("annotate", "deploy/noted", "a-");
    await kubectl.run("label", "deploy/noted", "tier-");
    const after = (await cluster.get("deployments/noted")).metadata;
    expect(after.annotations).not.toHaveProperty("a");
    expect(after.labels).toEqual({ app: "noted" });
  });

  test.for(["background", "foreground"])(
    "delete --wait waits until it is gone, in the %s",
    async (cascade) => {
      const { cluster } = kubectl;
      const name = `gone-${cascade}`;
      await cluster.deploy(name);
      const { stdout, exitCode } = await kubectl.run(
        "delete",
        "deploy",
        name,
        "--wait",
        `--cascade=${cascade}`,
      );
      expect({ stdout, exitCode }).toEqual({ stdout: `deployment.apps "${name}" deleted`, exitCode: 0 });
      expect((await cluster.call("GET", `deployments/${name}`)).code).toBe(404);
      await until(async () => {
        expect(await cluster.pods(name)).toEqual([]);
        expect((await cluster.get(`replicasets?labelSelector=app%3D${name}`)).items).toEqual([]);
      });
      const again = await kubectl.run("delete", "deploy", name);
      expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("not found") });
    },
  );
});
