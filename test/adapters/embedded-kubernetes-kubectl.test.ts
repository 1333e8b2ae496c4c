import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EmbeddedKubernetes, startEmbeddedKubernetes } from "../../src/dry-run/kubernetes/index.ts";
import { Cluster, condition, until } from "./embedded-kubernetes-client.ts";

const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;

test.runIf(!hasKubectl && process.env.CI !== undefined)("kubectl is on the PATH in CI", () => {
  expect.fail("install kubectl: without it nothing shows that the embedded Kubernetes API works with it");
});

describe.runIf(hasKubectl)("kubectl", () => {
  let kubernetes: EmbeddedKubernetes;
  let cluster: Cluster;
  let home: string;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "embedded-kubectl-"));
    kubernetes = await startEmbeddedKubernetes({ podStartMs: 20 });
    cluster = await Cluster.at(kubernetes.url, () => kubernetes.close());
    writeFileSync(join(home, "config"), kubernetes.kubeconfig(cluster.namespace));
  });
  afterAll(async () => {
    await cluster.stop();
    rmSync(home, { recursive: true, force: true });
  });

  // An own HOME: kubectl keeps what it learned about a server in a cache there.
  const kubectl = (...args: string[]) =>
    execa("kubectl", args, {
      reject: false,
      timeout: 30_000,
      extendEnv: false,
      env: { PATH: process.env.PATH ?? "", HOME: home, KUBECONFIG: join(home, "config") },
    });
  const rows = (output: string) =>
    output
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => line.trim().split(/\s{2,}/));

  test("get shows Deployments, ReplicaSets and pods in their columns", async () => {
    await cluster.deploy("get");
    const [header, row] = rows((await kubectl("get", "deployments", "get", "-o", "wide")).stdout);
    expect(header).toEqual([
      "NAME",
      "READY",
      "UP-TO-DATE",
      "AVAILABLE",
      "AGE",
      "CONTAINERS",
      "IMAGES",
      "SELECTOR",
    ]);
    const age = expect.stringMatching(/^\d+s$/);
    expect(row).toEqual(["get", "2/2", "2", "2", age, "sentinel", "registry.test/sentinel:v1", "app=get"]);
    const [rsHeader, rsRow] = rows((await kubectl("get", "rs", "-l", "app=get")).stdout);
    expect(rsHeader).toEqual(["NAME", "DESIRED", "CURRENT", "READY", "AGE"]);
    expect(rsRow?.slice(1, 4)).toEqual(["2", "2", "2"]);
    const [podHeader, podRow] = rows((await kubectl("get", "pods", "-l", "app=get")).stdout);
    expect(podHeader).toEqual(["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    expect(podRow?.slice(1, 4)).toEqual(["1/1", "Running", "0"]);
    const everywhere = rows((await kubectl("get", "deploy", "-A")).stdout);
    expect(everywhere[0]?.slice(0, 2)).toEqual(["NAMESPACE", "NAME"]);
    expect((await kubectl("get", "deploy", "missing")).stderr).toContain(
      'deployments.apps "missing" not found',
    );
  });

  test("set image, rollout status, annotate, history, undo", async () => {
    await cluster.deploy("image");
    const status = () => kubectl("rollout", "status", "deploy/image", "--timeout=20s");
    await kubectl("set", "image", "deploy/image", "sentinel=registry.test/sentinel:v2");
    expect((await status()).stdout).toContain('deployment "image" successfully rolled out');
    await kubectl("annotate", "deploy/image", "kubernetes.io/change-cause=to v2");
    const history = async () => rows((await kubectl("rollout", "history", "deploy/image")).stdout);
    await until(async () =>
      expect((await history()).slice(1)).toEqual([
        ["REVISION", "CHANGE-CAUSE"],
        ["1", "<none>"],
        ["2", "to v2"],
      ]),
    );
    const revision = await kubectl("rollout", "history", "deploy/image", "--revision=1");
    expect(revision.stdout).toContain("registry.test/sentinel:v1");
    expect((await kubectl("rollout", "undo", "deploy/image")).stdout).toContain("rolled back");
    expect((await status()).exitCode).toBe(0);
    const back = await cluster.get("deployments/image");
    expect(back.spec.template.spec.containers[0]?.image).toBe("registry.test/sentinel:v1");
    expect((await cluster.get("replicasets?labelSelector=app%3Dimage")).items).toHaveLength(2);
    expect((await history()).slice(2).map(([number]) => number)).toEqual(["2", "3"]);
  });

  test("rollout status fails when the progress deadline is exceeded, and describe says why", async () => {
    await cluster.deploy("failing", { spec: { progressDeadlineSeconds: 1 } });
    await kubectl("annotate", "deploy/failing", "sentinel-rollout.dev/fault=CrashLoopBackOff");
    await kubectl("set", "image", "deploy/failing", "sentinel=registry.test/sentinel:v2");
    const failed = await kubectl("rollout", "status", "deploy/failing", "--timeout=20s");
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain('deployment "failing" exceeded its progress deadline');
    const pods = rows((await kubectl("get", "pods", "-l", "app=failing")).stdout);
    expect(pods.map((row) => row[2])).toContain("CrashLoopBackOff");
    const { stdout } = await kubectl("describe", "deploy", "failing");
    expect(stdout).toMatch(/Progressing\s+False\s+ProgressDeadlineExceeded/);
    expect(stdout).toMatch(/NewReplicaSet:\s+failing-\w+ \(1\/1 replicas created\)/);
  });

  test("scale, and rollout restart", async () => {
    await cluster.deploy("size");
    expect((await kubectl("scale", "deploy/size", "--replicas=3")).exitCode).toBe(0);
    expect((await cluster.settled("size")).status.availableReplicas).toBe(3);
    await kubectl("rollout", "restart", "deploy/size");
    expect((await cluster.settled("size")).metadata.annotations).toMatchObject({
      "deployment.kubernetes.io/revision": "2",
    });
  });

  test("rollout pause holds an update back until resume", async () => {
    await cluster.deploy("paused");
    await kubectl("rollout", "pause", "deploy/paused");
    await kubectl("set", "image", "deploy/paused", "sentinel=registry.test/sentinel:v2");
    await until(async () => {
      const found = await cluster.get("deployments/paused");
      expect(found.status.observedGeneration).toBe(found.metadata.generation);
      expect(found.status.updatedReplicas).toBeUndefined();
      expect(condition(found, "Progressing")).toEqual({ status: "Unknown", reason: "DeploymentPaused" });
    });
    await kubectl("rollout", "resume", "deploy/paused");
    await cluster.settled("paused");
  });

  test("get -w prints every change", async () => {
    await cluster.deploy("watched");
    const watches = () => kubernetes.requests.get("watch deployments") ?? 0;
    const before = watches();
    const watching = kubectl("get", "deploy", "watched", "-w", "--request-timeout=3s");
    await until(() => expect(watches()).toBe(before + 1));
    await cluster.setImage("watched", "registry.test/sentinel:v2");
    await cluster.settled("watched");
    const lines = rows((await watching).stdout);
    expect(lines[0]).toEqual(["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]);
    expect(lines.map((row) => row.slice(0, 4))).toContainEqual(["watched", "2/2", "0", "2"]);
    expect(lines.at(-1)?.slice(0, 4)).toEqual(["watched", "2/2", "2", "2"]);
  });

  test("delete waits until it is gone, in the background and in the foreground", async () => {
    for (const cascade of ["background", "foreground"]) {
      await cluster.deploy("gone");
      const { stdout, exitCode } = await kubectl("delete", "deploy", "gone", `--cascade=${cascade}`);
      expect({ stdout, exitCode }).toEqual({ stdout: 'deployment.apps "gone" deleted', exitCode: 0 });
      expect((await cluster.call("GET", "deployments/gone")).code).toBe(404);
      await until(async () => expect(await cluster.pods("gone")).toEqual([]));
    }
  });
});
