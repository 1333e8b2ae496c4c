import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { until } from "../support/until.ts";
import { ids, NEW, OLD, World } from "../support/world.ts";
import { ControlPlane } from "./control-plane.ts";

const SENTINELS = 12;
const FLEET = ids(1, SENTINELS);
const HANG_MS = 20_000;
const DEPLOYMENTS = "/apis/apps/v1/namespaces/sentinel/deployments";

/** Outages of a real API server in the middle of a wave, for a service that may do no more than its Role says. */
describe("a rollout in whose middle the API server", () => {
  let plane: ControlPlane;
  let world: World;

  beforeAll(async () => {
    plane = await ControlPlane.start();
    const stack = await startStack({
      sentinels: SENTINELS,
      kubeconfig: plane.kubeconfig,
      // So that there is a middle: each new pod takes two seconds.
      faults: FLEET.map((sentinelId) => ({ sentinelId, fault: "slow:2" })),
      async adjustEnv(built) {
        await plane.kubectl("apply", "-f", "deploy/kubernetes/role.yaml");
        await plane.bindRole("sentinel");
        return { ...built, KUBECONFIG: plane.serviceKubeconfig };
      },
    });
    world = new World(stack);
  });

  afterAll(async () => {
    await world?.close();
    await plane?.remove();
  });

  const OUTAGES: [what: string, outage: () => Promise<void>][] = [
    [
      "hangs for 20 s",
      async () => {
        await plane.hang();
        await delay(HANG_MS);
        await plane.goOn();
      },
    ],
    [
      "goes away and comes back",
      async () => {
        await plane.down();
        await plane.up();
      },
    ],
    [
      "goes away and has forgotten every version that was watched",
      async () => {
        const version = await newestVersion();
        await plane.forgetVersions();
        await plane.down();
        await plane.up();
        const watch = `${DEPLOYMENTS}?watch=1&timeoutSeconds=5&resourceVersion=${version}`;
        const { stdout } = await plane.kubectl("get", "--raw", watch);
        expect(JSON.parse(stdout.split("\n")[0] ?? "")).toMatchObject({
          type: "ERROR",
          object: { code: 410 },
        });
      },
    ],
  ];

  it.each(OUTAGES)("%s is completed, and no sentinel is blamed or patched twice", async (_, outage) => {
    const back = await world.verb("Rollout", { image: OLD, wave_percentages: [100] });
    expect([200, 409]).toContain(back.status);
    const before = await generations();
    const rollout = await world.start("Rollout", { image: NEW, wave_percentages: [50, 100] });
    await until("the wave is in its middle", async () => (await world.on(NEW)).length >= SENTINELS / 4);

    await outage();

    const { body } = await world.answer(rollout);
    expect(body).toMatchObject({ state: "completed", total: SENTINELS, succeeded: SENTINELS, failed: 0 });
    expect(await world.on(NEW)).toEqual(FLEET);
    const after = await generations();
    for (const id of FLEET) expect(after.get(id), id).toBe((before.get(id) ?? 0) + 1);
    const rows = await world.rows();
    expect(rows.map((row) => row.deploy_status)).toEqual(FLEET.map(() => "ready"));
    expect(rows.map((row) => row.running_image)).toEqual(FLEET.map(() => NEW));
    await watchesAgain();
  });

  /** Of which no watch can be ahead. */
  async function newestVersion(): Promise<string> {
    const { stdout } = await plane.kubectl("get", "--raw", DEPLOYMENTS);
    return JSON.parse(stdout).metadata.resourceVersion;
  }

  async function generations(): Promise<Map<string, number>> {
    const deployments = [...(await world.deployments())];
    return new Map(deployments.map(([id, { metadata }]) => [id, metadata?.generation ?? 0]));
  }

  /** What happens to a Deployment now reaches its row. */
  async function watchesAgain(): Promise<void> {
    const k8sName = world.stack.fleet[0]?.k8sName ?? "";
    const { desired_replicas } = await world.row("sen_0001");
    for (const replicas of [desired_replicas + 1, desired_replicas]) {
      await plane.kubectl("scale", "-n", "sentinel", `deployment/${k8sName}`, `--replicas=${replicas}`);
      await until(`the row has ${replicas} replicas`, async () => {
        return (await world.row("sen_0001")).available_replicas === replicas;
      });
    }
  }
});
