import { describe, expect } from "vitest";
import type { EmbeddedKubernetes } from "../../src/embedded-kubernetes/index.ts";
import { scrape } from "../support/exposition.ts";
import { until } from "../support/until.ts";
import { it, NEW, type World } from "../support/world.ts";

/** Long enough that one sentinel of the north is not given up while its cluster is away. */
const env = { KUBE_CONTEXTS: "north=cold,south=warm", DEPLOY_TIMEOUT_SECONDS: "120" };

describe("two regions with a cluster each", () => {
  it.override({ options: { sentinels: 12, env } });

  it("while one is away the other goes on; it is named, once, and its sentinels follow when it is back", async ({
    world,
  }) => {
    const { fleet, service } = world.stack;
    const [lost = "", ...north] = idsIn(world, "north");
    const south = idsIn(world, "south");
    const cold = embedded(world, "cold");
    await world.change(`UPDATE sentinels SET region_id = 'mars' WHERE id = '${lost}'`);
    cold.faults.inject({ kind: "reset" }, { times: Infinity });
    cold.faults.dropWatches();

    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
    await until("the sentinels of the south to be ready", async () => {
      const rows = await world.rows();
      return rows.filter(({ id }) => south.includes(id)).every((row) => row.deploy_status === "ready");
    });
    const status = await until("Status to name the cluster that is away", async () => {
      const now = await world.status();
      return now.waiting_for.includes("cluster cold is unreachable since ") && now;
    });
    expect(status).toMatchObject({ state: "in_progress", wave: 1, waves: 1, failed: 1 });
    expect(status.waiting_for).toContain(`${north.length} sentinels of wave 1/1 to come up; cluster cold`);
    expect(status.message).toMatch(/ Cluster cold is unreachable since \S+Z: .+\.$/);
    expect(status.message).not.toContain("warm");
    expect(await clustersUp(service.health)).toEqual({ cold: "0", warm: "1" });
    const { value } = await scrape(service.health);
    for (const resource of ["deployments", "pods"]) {
      expect(value(`${KUBERNETES}_watch_up`, { cluster: "cold", resource })).toBe(0);
      expect(value(`${KUBERNETES}_watch_up`, { cluster: "warm", resource })).toBe(1);
      expect(value(`${KUBERNETES}_watch_restarts_total`, { cluster: "cold", resource })).toBeGreaterThan(1);
      expect(value(`${KUBERNETES}_watch_restarts_total`, { cluster: "warm", resource })).toBe(0);
    }
    expect(value(`${KUBERNETES}_requests_total`, { cluster: "cold", code: "error" })).toBeGreaterThan(1);
    expect(value(`${KUBERNETES}_requests_total`, { cluster: "warm", code: "error" })).toBeUndefined();
    const waiting = (await world.rows()).filter(({ id }) => north.includes(id));
    expect(new Set(waiting.map((row) => row.deploy_status))).toEqual(new Set(["progressing"]));

    // The watcher goes on with the cluster that is there.
    const watched = south[0] ?? "";
    await scaleToZero(world, watched);
    await until(
      "the watcher to see a change in the south",
      async () => (await world.row(watched)).health === "paused",
    );

    cold.faults.clear();
    const { body } = await world.answer(rollout);
    expect(body).toMatchObject({ state: "paused", total: 12, succeeded: 11, failed: 1 });
    expect(body.failures).toEqual([
      { sentinel_id: lost, reason: "no cluster serves the region mars (see KUBE_CONTEXTS)" },
    ]);
    expect(await world.on(NEW)).toEqual(fleet.map(({ id }) => id).filter((id) => id !== lost));
    expect((await world.status()).message).not.toContain("unreachable");
    expect(await clustersUp(service.health)).toEqual({ cold: "1", warm: "1" });
    await until("all watches to be up", async () => {
      return (await scrape(service.health)).value(`${KUBERNETES}_watch_up`) === 4;
    });

    const said = service.logs().filter(({ msg }) => msg.startsWith("kubernetes cluster"));
    expect(said.map(({ msg, cluster }) => `${cluster}: ${msg}`)).toEqual([
      "cold: kubernetes cluster is unreachable",
      "cold: kubernetes cluster is reachable again",
    ]);
    const inTrouble = service.logs().filter(({ level = 0 }) => level >= 40);
    expect(inTrouble.map(({ msg }) => msg).filter((msg) => /Kubernetes API|ctx\.run/.test(msg))).toEqual([]);

    for (const context of ["cold", "warm"]) {
      expect(embedded(world, context).requests.get("unauthorized"), `${context}'s token`).toBeUndefined();
    }
  });
});

const KUBERNETES = "sentinel_rollout_kubernetes";

function idsIn(world: World, region: string): string[] {
  return world.stack.fleet.filter(({ regionId }) => regionId === region).map(({ id }) => id);
}

function embedded(world: World, context: string): EmbeddedKubernetes {
  const found = world.stack.embeddedByContext.get(context);
  if (found === undefined) throw new Error(`there is no embedded cluster ${context}`);
  return found;
}

async function scaleToZero(world: World, id: string): Promise<void> {
  const { fleet, clusterOf, namespace } = world.stack;
  const { regionId = "", k8sName: name = "" } = fleet.find((each) => each.id === id) ?? {};
  const body = [{ op: "replace", path: "/spec/replicas", value: 0 }];
  await clusterOf(regionId).apps.patchNamespacedDeployment({ name, namespace, body });
}

/** The gauge by cluster. */
async function clustersUp(health: string): Promise<Record<string, string>> {
  const metrics = await (await fetch(`${health}/metrics`)).text();
  const found = metrics.matchAll(/^sentinel_rollout_kubernetes_cluster_up\{cluster="(\w+)"\} (\d)$/gm);
  return Object.fromEntries([...found].map(([, cluster = "", up = ""]) => [cluster, up]));
}
