import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../support/kubernetes-api.ts";
import { type Kubectl, startKubectl } from "./kubectl.ts";

const V1 = "registry.test/sentinel:v1";
const V2 = "registry.test/sentinel:v2";
const AGE = expect.stringMatching(/^\d+s$/);
const pod = (owner: string) => expect.stringMatching(new RegExp(`^${owner}-[a-z0-9]+-[a-z0-9]{5}$`));
const replicaSet = (owner: string) => expect.stringMatching(new RegExp(`^${owner}-[a-z0-9]+$`));

describe("kubectl shows", () => {
  let kubectl: Kubectl;
  beforeAll(async () => {
    kubectl = await startKubectl();
  });
  afterAll(() => kubectl.stop());

  test("Deployments, ReplicaSets and pods in their columns with get -o wide", async () => {
    await kubectl.cluster.deploy("get");
    expect(await kubectl.rows("get", "deploy", "get", "-o", "wide")).toEqual([
      ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"],
      ["get", "2/2", "2", "2", AGE, "sentinel", V1, "app=get"],
    ]);
    const selector = expect.stringMatching(/^app=get,pod-template-hash=[a-z0-9]+$/);
    expect(await kubectl.rows("get", "rs", "-l", "app=get", "-o", "wide")).toEqual([
      ["NAME", "DESIRED", "CURRENT", "READY", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"],
      [replicaSet("get"), "2", "2", "2", AGE, "sentinel", V1, selector],
    ]);
    const row = [
      pod("get"),
      "1/1",
      "Running",
      "0",
      AGE,
      expect.stringMatching(/^[\d.]+$/),
      expect.stringMatching(/\S/),
      "<none>",
      "<none>",
    ];
    expect(await kubectl.rows("get", "pods", "-l", "app=get", "-o", "wide")).toEqual([
      ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE", "READINESS GATES"],
      row,
      row,
    ]);
    const all = await kubectl.run("get", "deploy,rs,pods", "-l", "app=get", "-o", "name");
    expect(all.stdout.split("\n").map((line) => line.split("/")[0])).toEqual([
      "deployment.apps",
      "replicaset.apps",
      "pod",
      "pod",
    ]);
  });

  test("with -l what the labels select, with -A all namespaces, and says what it does not find", async () => {
    const { cluster } = kubectl;
    await cluster.deploy("tier-x", { spec: { replicas: 0 }, labels: { tier: "x" } });
    await cluster.deploy("tier-y", { spec: { replicas: 0 }, labels: { tier: "y" } });
    const names = async (selector: string) =>
      (await kubectl.rows("get", "deploy", "-l", selector, "--no-headers")).map(([name]) => name);
    expect(await names("tier=x")).toEqual(["tier-x"]);
    expect(await names("tier,tier!=x")).toEqual(["tier-y"]);
    expect(await names("tier in (x,y)")).toEqual(["tier-x", "tier-y"]);
    expect((await kubectl.run("get", "deploy", "-l", "tier=z")).stderr).toContain("No resources found");
    const everywhere = await kubectl.rows("get", "deploy", "-A");
    expect(everywhere[0]?.slice(0, 2)).toEqual(["NAMESPACE", "NAME"]);
    expect(everywhere.map((row) => row.slice(0, 2))).toContainEqual([cluster.namespace, "tier-x"]);
    const missing = await kubectl.run("get", "deploy", "missing");
    expect(missing).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('deployments.apps "missing" not found'),
    });
  });

  test("every change of a Deployment with get -w", async () => {
    const { cluster } = kubectl;
    await cluster.deploy("watched");
    const lines = await kubectl.follow(
      ["get", "deploy", "watched", "-w"],
      [
        (rows) => expect(rows).toHaveLength(2),
        async () => void (await cluster.setImage("watched", V2)),
        (rows) => {
          // How far it is when it is first seen is a matter of luck; that it is not there yet is not.
          expect(rows.slice(2).map(([, , updated]) => updated)).toContainEqual(
            expect.stringMatching(/^[01]$/),
          );
          expect(rows.at(-1)?.slice(0, 4)).toEqual(["watched", "2/2", "2", "2"]);
        },
      ],
    );
    expect(lines[0]).toEqual(["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]);
  });

  test("pods come and go with get pods -w", async () => {
    const { cluster } = kubectl;
    await cluster.deploy("moving", { spec: { replicas: 1 } });
    const lines = await kubectl.follow(
      ["get", "pods", "-l", "app=moving", "-w", "--output-watch-events"],
      [
        (rows) => expect(rows).toHaveLength(2),
        async () => void (await cluster.setImage("moving", V2)),
        (rows) => expect(rows.map(([event]) => event)).toContain("DELETED"),
      ],
    );
    const [first] = lines.slice(1);
    const story = (name?: string) =>
      lines
        .slice(1)
        .filter((row) => (row[1] === first?.[1]) === (name === undefined))
        .map(([event, , , status]) => `${event} ${status}`);
    expect([...new Set(story("new"))]).toEqual(["ADDED Pending", "MODIFIED Pending", "MODIFIED Running"]);
    expect(story()[0]).toBe("ADDED Running");
    expect(story().at(-1)).toMatch(/^DELETED/);
  });

  test("with describe what a Deployment, its ReplicaSet and a pod are, and what happened to them", async () => {
    const { cluster } = kubectl;
    await cluster.deploy("told");
    const describe = async (...what: string[]) => (await kubectl.run("describe", ...what)).stdout;
    await until(async () => {
      const text = await describe("deploy", "told");
      expect(text).toMatch(/Replicas:\s+2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable/);
      expect(text).toMatch(/RollingUpdateStrategy:\s+25% max unavailable, 25% max surge/);
      expect(text).toMatch(/Progressing\s+True\s+NewReplicaSetAvailable/);
      expect(text).toMatch(/NewReplicaSet:\s+told-\w+ \(2\/2 replicas created\)/);
      expect(text).toMatch(
        /Normal\s+ScalingReplicaSet\s+\d+s\s+deployment-controller\s+Scaled up replica set told-\w+ from 0 to 2/,
      );
    });
    await until(async () => {
      const text = await describe("rs", "-l", "app=told");
      expect(text).toMatch(/Controlled By:\s+Deployment\/told/);
      expect(text).toMatch(/Replicas:\s+2 current \/ 2 desired/);
      expect(text).toMatch(/Pods Status:\s+2 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed/);
      expect(
        text.match(/Normal\s+SuccessfulCreate\s+\d+s\s+replicaset-controller\s+Created pod: told-/g),
      ).toHaveLength(2);
    });
    await cluster.setImage("told", V2, { "sentinel-rollout.dev/fault": "ImagePullBackOff" });
    await until(async () => {
      const text = await describe("pods", "-l", "app=told");
      expect(text).toMatch(/Reason:\s+ImagePullBackOff/);
      expect(text).toMatch(
        /Normal\s+Scheduled\s+\d+s\s+default-scheduler\s+Successfully assigned \S+ to \S+/,
      );
    });
  });
});
