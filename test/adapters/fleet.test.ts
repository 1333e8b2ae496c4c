import type { V1Deployment } from "@kubernetes/client-node";
import fc from "fast-check";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, connectCluster, listSentinelDeployments } from "../../src/local-stack/cluster.ts";
import { parseFault } from "../../src/local-stack/faults.ts";
import { type FleetSentinel, planFleet } from "../../src/local-stack/fleet-plan.ts";
import { createNamespace, ownerName } from "../../src/local-stack/namespace.ts";
import { type Stack, startStack } from "../../src/local-stack/stack.ts";

describe("the plan of a fleet", () => {
  const fleets = fc.integer({ min: 0, max: 1500 }).map((count) => ({ count, fleet: planFleet(count) }));
  const distinct = (fleet: FleetSentinel[], of: (each: FleetSentinel) => string) =>
    new Set(fleet.map(of)).size;

  it("is the same for the same size, with ids that sort in order", () => {
    fc.assert(
      fc.property(fleets, ({ count, fleet }) => {
        expect(fleet).toHaveLength(count);
        expect(planFleet(count)).toEqual(fleet);
        const ids = fleet.map(({ id }) => id);
        expect([...ids].sort()).toEqual(ids);
      }),
      { numRuns: 20 },
    );
  });

  it("has what must be unique unique", () => {
    fc.assert(
      fc.property(fleets, ({ count, fleet }) => {
        expect(distinct(fleet, ({ id }) => id)).toBe(count);
        expect(distinct(fleet, ({ k8sName }) => k8sName)).toBe(count);
        expect(distinct(fleet, ({ environmentId, regionId }) => `${environmentId} ${regionId}`)).toBe(count);
      }),
      { numRuns: 20 },
    );
  });

  it("of 100 spans workspaces, projects, environments and regions, with one to three replicas", () => {
    const fleet = planFleet(100);
    expect(fleet[16]?.id).toBe("sen_0017");
    expect(distinct(fleet, ({ workspaceId }) => workspaceId)).toBeGreaterThan(3);
    expect(distinct(fleet, ({ projectId }) => projectId)).toBeGreaterThan(10);
    expect(distinct(fleet, ({ environmentId }) => environmentId)).toBeGreaterThan(20);
    expect(distinct(fleet, ({ regionId }) => regionId)).toBe(3);
    expect(new Set(fleet.map(({ replicas }) => replicas))).toEqual(new Set([1, 2, 3]));
  });
});

describe("a fault on the command line", () => {
  it.each([
    ["sen_0001", { sentinelId: "sen_0001", fault: "ImagePullBackOff" }],
    ["sen_0001:NeverReady", { sentinelId: "sen_0001", fault: "NeverReady" }],
    ["sen_0001:slow:20", { sentinelId: "sen_0001", fault: "slow:20" }],
    ["sen_0001:ImagePullBackOff:5", { sentinelId: "sen_0001", fault: "ImagePullBackOff:5" }],
    ["sen_0001:crash-after:5", { sentinelId: "sen_0001", fault: "crash-after:5" }],
    ["sen_0001:flap-after:5", { sentinelId: "sen_0001", fault: "flap-after:5" }],
  ])("%s", (text, fault) => expect(parseFault(text)).toEqual(fault));

  it.each([
    "",
    ":NeverReady",
    "sen_0001:Never",
    "sen_0001:slow",
    "sen_0001:slow:x",
    "sen_0001:crash-after",
    "sen_0001:NeverReady:",
    "sen_0001:NeverReady:5:5",
    "sen_0001:",
  ])("%j is refused", (text) => expect(() => parseFault(text)).toThrow(`--fail ${text}: `));
});

describe("a fleet", () => {
  const FAULTY = { sentinelId: "sen_0002", fault: "NeverReady" } as const;
  let stack: Stack;
  let cluster: Cluster;
  beforeAll(async () => {
    stack = await startStack({
      sentinels: 7,
      faults: [FAULTY],
      faultImage: "x:broken",
      env: { KUBE_NAMESPACE: "ours", KUBE_CONTAINER: "proxy", KUBE_CONTEXTS: "north=cold, south=warm" },
    });
    cluster = connectCluster(stack.kubeconfig, "warm");
  });
  afterAll(async () => {
    await cluster?.close();
    await stack?.stop();
  });

  /** Of both clusters. */
  async function deployments(): Promise<V1Deployment[]> {
    const clusters = ["north", "south"].map((region) => stack.clusterOf(region));
    return (await Promise.all(clusters.map((each) => listSentinelDeployments(each, "ours")))).flat();
  }

  async function rows(): Promise<RowDataPacket[]> {
    const connection = await createConnection(stack.databaseUrl);
    const [found] = await connection.query<RowDataPacket[]>("SELECT * FROM sentinels ORDER BY id");
    connection.destroy();
    return found;
  }

  it("has a row and an available Deployment for each sentinel, all on the old image", async () => {
    const byId = new Map(
      (await deployments()).map((each) => [each.metadata?.labels?.["unkey.com/sentinel.id"], each]),
    );
    const seeded = await rows();
    expect(seeded.map(({ id }) => id)).toEqual(stack.fleet.map(({ id }) => id));
    for (const row of seeded) {
      expect(row).toMatchObject({ desired_state: "running", health: "healthy", running_image: row.image });
      const deployment = byId.get(row.id);
      expect(deployment?.metadata?.name).toBe(row.k8s_name);
      expect(deployment?.status?.availableReplicas).toBe(row.desired_replicas);
      const [container] = deployment?.spec?.template.spec?.containers ?? [];
      expect(container).toMatchObject({ name: "proxy", image: row.image });
      expect(container?.resources?.limits).toEqual({
        cpu: `${row.cpu_millicores}m`,
        memory: `${row.memory_mib}Mi`,
      });
    }
  });

  it("lies in the regions that KUBE_CONTEXTS names", async () => {
    expect(new Set((await rows()).map((row) => row.region_id))).toEqual(new Set(["north", "south"]));
  });

  it("has a cluster for each context, with a token of its own, and each Deployment in its region's", async () => {
    for (const [region, context] of [
      ["north", "cold"],
      ["south", "warm"],
    ] as const) {
      const ids = stack.fleet.filter(({ regionId }) => regionId === region).map(({ id }) => id);
      const found = await listSentinelDeployments(stack.clusterOf(region), "ours");
      expect(found.map((each) => each.metadata?.labels?.["unkey.com/sentinel.id"]).sort()).toEqual(ids);
      const embedded = stack.embeddedByContext.get(context);
      expect(embedded?.requests.get("unauthorized")).toBeUndefined();
      expect((await fetch(`${embedded?.url}/version`)).status).toBe(401);
      expect(embedded?.requests.get("unauthorized")).toBe(1);
    }
  });

  it("has its faults on the Deployment alone, whose annotation then decides, with a short deadline", async () => {
    const annotations = {
      "sentinel-rollout.dev/fault": "NeverReady",
      "sentinel-rollout.dev/fault-image": "x:broken",
    };
    for (const deployment of await deployments()) {
      const isFaulty = deployment.metadata?.labels?.["unkey.com/sentinel.id"] === FAULTY.sentinelId;
      const [own, pods] = [deployment.metadata, deployment.spec?.template.metadata];
      if (isFaulty) {
        expect(own?.annotations).toMatchObject(annotations);
      }
      expect(pods?.annotations).toBeUndefined();
      expect(deployment.spec?.progressDeadlineSeconds).toBe(isFaulty ? 10 : 120);
    }
  });

  it("never takes a namespace that somebody else made", async () => {
    await cluster.core.createNamespace({ body: { metadata: { name: "theirs" } } });
    await expect(createNamespace(cluster, "theirs")).rejects.toThrow(
      "the namespace theirs exists and was not made by this command",
    );
    expect((await cluster.core.readNamespace({ name: "theirs" })).status?.phase).toBe("Active");
  });

  it("never takes the namespace of a dry run that may still run, and replaces that of a dead one", async () => {
    const mark = (owner: string) => {
      const labels = { "sentinel-rollout.dev/made-by": "dry-run", "sentinel-rollout.dev/owner": owner };
      return { body: { metadata: { name: "shared", labels } } };
    };
    await cluster.core.createNamespace(mark("another-host_1"));
    await expect(createNamespace(cluster, "shared")).rejects.toThrow("in use by another dry run");
    await cluster.core.deleteNamespace({ name: "shared" });

    const dead = await cluster.core.createNamespace(mark(ownerName(999_999_999)));
    const made = await createNamespace(cluster, "shared");
    const now = await cluster.core.readNamespace({ name: "shared" });
    expect(now.metadata?.uid).not.toBe(dead.metadata?.uid);
    await made.remove();
    await expect(cluster.core.readNamespace({ name: "shared" })).rejects.toMatchObject({ code: 404 });
  });
});
