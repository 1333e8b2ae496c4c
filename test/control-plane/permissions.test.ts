import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { ids, NEW, World } from "../support/world.ts";
import { ControlPlane } from "./control-plane.ts";

const NAMESPACE = "sentinel";
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
/** Each version has a Deployment of its own. */
const NAME = `sentinel-rollout-${version.replaceAll(".", "-")}`;
const ACCOUNT = "system:serviceaccount:sentinel-rollout:sentinel-rollout";

describe("with the manifests of deploy/kubernetes and nothing else", () => {
  let plane: ControlPlane;
  let world: World;

  beforeAll(async () => {
    plane = await ControlPlane.start();
    const stack = await startStack({
      sentinels: 3,
      kubeconfig: plane.kubeconfig,
      env: { FAIL_FAST_SECONDS: "3" },
      async adjustEnv(built) {
        await plane.kubectl("apply", "--validate=strict", "-f", "deploy/kubernetes/role.yaml");
        await plane.kubectl("apply", "--validate=strict", "-f", "deploy/kubernetes/service.yaml");
        await plane.bindRole(NAMESPACE);
        return { ...built, KUBECONFIG: plane.serviceKubeconfig };
      },
    });
    world = new World(stack);
  });

  afterAll(async () => {
    await world?.close();
    await plane?.remove();
  });

  it("the service's Deployment comes up as far as Kubernetes is concerned", async () => {
    const { stdout } = await plane.kubectl(
      ...["rollout", "status", "-n", "sentinel-rollout", `deployment/${NAME}`, "--timeout=60s"],
    );
    expect(stdout).toContain("successfully rolled out");
  });

  it("its replicas keep no node from being drained while none of them is ready, as when MySQL is away", async () => {
    const inNamespace = ["-n", "sentinel-rollout"];
    const { stdout } = await plane.kubectl("get", "pods", ...inNamespace, "-o", "name");
    const pods = stdout.trim().split("\n");
    const unready = JSON.stringify({ status: { conditions: [{ type: "Ready", status: "False" }] } });
    for (const pod of pods) {
      await plane.kubectl("patch", pod, ...inNamespace, "--subresource=status", "-p", unready);
    }
    const healthy = ["-o", "jsonpath={.status.currentHealthy}"];
    await until("no replica counts as healthy", async () => {
      const seen = await plane.kubectl("get", "pdb", NAME, ...inNamespace, ...healthy);
      return seen.stdout === "0";
    });
    const name = pods[0]?.replace("pod/", "") ?? "";
    const eviction = {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name, namespace: "sentinel-rollout" },
    };
    const file = join(plane.directory, "eviction.json");
    await writeFile(file, JSON.stringify(eviction));
    const path = `/api/v1/namespaces/sentinel-rollout/pods/${name}/eviction`;
    expect((await plane.kubectl("create", "--raw", path, "-f", file)).stdout).toContain('"status":"Success"');
  });

  it("its account may do what it needs, and nothing more", async () => {
    const { stdout } = await plane.kubectl("auth", "can-i", "--list", `--as=${ACCOUNT}`, "-n", NAMESPACE);
    const rights = stdout
      .split("\n")
      .map((line) => line.replaceAll(/\s+/g, " ").trim())
      .filter((line) => /^(\S+\.apps|pods|secrets|deployments|\*)/.test(line));
    expect(rights.sort()).toEqual([
      "deployments.apps [] [] [get list watch patch]",
      "pods [] [] [get list watch]",
    ]);
  });

  it("a rollout is completed", async () => {
    const { body } = await world.verb("Rollout", { image: NEW });
    expect(body).toMatchObject({ state: "completed", total: 3, succeeded: 3, failed: 0 });
    expect(await world.on(NEW)).toEqual(ids(1, 3));
  });

  it("a version goes without a trace, but for what the next one needs", async () => {
    const inNamespace = ["-n", "sentinel-rollout"];
    const of = ["-l", `app.kubernetes.io/version=${version}`];
    const kinds = "deployment,service,poddisruptionbudget";
    await plane.kubectl(...inNamespace, "delete", kinds, ...of);
    const left = await plane.kubectl(
      "get",
      ...inNamespace,
      `${kinds},serviceaccount,rolebinding`,
      "-o",
      "name",
    );
    expect(left.stdout).not.toContain(NAME);
    expect(left.stdout).toContain("serviceaccount/sentinel-rollout");
  });

  it("a quota that lets no new pod in fails the Deploy in the quota's own words", async () => {
    const pods = await plane.kubectl("get", "pods", "-n", NAMESPACE, "-o", "name");
    const hard = `pods=${pods.stdout.trim().split("\n").length}`;
    await plane.kubectl("create", "quota", "full", "-n", NAMESPACE, `--hard=${hard}`);
    const { body } = await world.deploy("sen_0002", { image: "ghcr.io/unkeyed/sentinel:v1.2.4" });
    expect(body.status).toBe("failed");
    expect(body.reason).toMatch(/exceeded quota: full/);
    expect(await world.row("sen_0002")).toMatchObject({ deploy_status: "failed", deploy_error: body.reason });
  });
});
