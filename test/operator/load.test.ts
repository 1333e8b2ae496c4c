import { join } from "node:path";
import { afterEach, expect } from "vitest";
import { type ApiProxy, startApiProxy } from "../support/api-proxy.ts";
import { until } from "../support/until.ts";
import { it, NEW } from "../support/world.ts";

const SENTINELS = 200;
let proxy: ApiProxy | undefined;

// Pods that take a while: all Deploys of the wave are in flight together.
it.override({
  options: {
    sentinels: SENTINELS,
    embedded: { podStartMs: 3_000 },
    adjustEnv: async (_, { kubeconfig, directory }) => {
      proxy = await startApiProxy(kubeconfig, join(directory, "proxied"));
      return { KUBECONFIG: proxy.kubeconfigFile };
    },
  },
});
afterEach(() => proxy?.close());

it("200 Deploys in flight cost the API server three requests each at most, on a few connections", async ({
  world,
}) => {
  if (proxy === undefined) throw new Error("there is no proxy");
  const { requests, underWay } = proxy;
  const before = requests.length;
  const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [100] });
  await until("all of them to be in flight", async () => {
    const rows = await world.rows();
    return rows.every((row) => row.deploy_status === "progressing");
  });
  const watches = await until("both watches to be open", () => {
    const open = underWay().filter((request) => request.includes("watch=true"));
    return open.length === 2 && open;
  });
  expect(watches.map(collection).sort()).toEqual(["deployments", "pods"]);
  const { body } = await world.answer(rollout);
  expect(body).toMatchObject({ state: "completed", succeeded: SENTINELS });

  const sent = requests.slice(before);
  const perSentinel = new Map<string, string[]>();
  for (const request of sent) {
    const [, name = ""] = /\/deployments\/(sentinel-\d+)/.exec(request) ?? [];
    if (name !== "") perSentinel.set(name, [...(perSentinel.get(name) ?? []), request.split(" ")[0] ?? ""]);
  }
  expect(perSentinel.size).toBe(SENTINELS);
  for (const [name, verbs] of perSentinel) {
    expect(
      verbs.filter((verb) => verb === "PATCH"),
      name,
    ).toHaveLength(1);
    expect(verbs.length, name).toBeLessThanOrEqual(3);
  }
  const others = sent.filter((request) => !/\/deployments\/sentinel-\d+/.test(request));
  expect(others.map(collection).filter((name) => name !== "deployments" && name !== "pods")).toEqual([]);
  expect(proxy.mostConnections).toBeLessThanOrEqual(16);
});

/** The collection that is listed or watched. */
function collection(request: string): string {
  return /\/(\w+)\?/.exec(request)?.[1] ?? request;
}
