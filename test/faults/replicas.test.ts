import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiRequest } from "../../src/embedded-kubernetes/index.ts";
import { seedOf } from "../support/seed.ts";
import { Arena } from "./harness/arena.ts";
import { Failpoints } from "./harness/failpoints.ts";
import { Random } from "./harness/random.ts";

const random = new Random(seedOf("replicas"));

let arena: Arena;
beforeAll(async () => {
  arena = await Arena.open({ sentinels: 12, env: { MAX_IN_FLIGHT: "2" } });
});
afterAll(() => arena.close());

async function begin(image: string) {
  await arena.checker.begin();
  const from = arena.proxy.patches.length;
  const rollout = await arena.start("Rollout", { image, wave_percentages: [20, 100] });
  return { ...rollout, untilPatch: (n: number) => arena.untilPatches(from + n) };
}

const COMPLETED = { status: 200, body: { state: "completed" } };

describe("SIGTERM", () => {
  it("in mid-wave: exit 0 within the grace period, the rollout completes, and nothing was done twice", async () => {
    const { answer, untilPatch } = await begin("x/sentinel:v1");
    const [service] = arena.replicas;
    if (service === undefined) throw new Error("there is no service");
    await untilPatch(random.between(3, 10));
    arena.letGo(service);
    // It would be killed after the 30 s that Kubernetes gives it, too, and then has no exit code.
    expect(await service.process.stop()).toBe(0);
    arena.supervise(service);
    expect(await answer).toMatchObject(COMPLETED);
    await arena.checker.check();
  });
});

describe("two replicas of the service", () => {
  it("take over from each other in mid-rollout", async () => {
    await arena.addReplica();
    const { answer, untilPatch } = await begin("x/sentinel:v2");
    for (const patch of [3, 6, 9]) {
      await untilPatch(patch);
      arena.suffers({ name: "connections to the service cut", losesAnswers: 1, crashes: true });
      arena.relay.cut();
    }
    expect(await answer).toMatchObject(COMPLETED);
    await arena.checker.check();
  });

  it("are upgraded in mid-rollout: it finishes on the old build, what is new goes to the new one", async () => {
    const next = await arena.world.stack.startReplica(Failpoints.anotherBuild("v2"));
    arena.supervise(next);
    // The last one cannot be patched for now: the rollout is under way for as long as this takes.
    const kubernetes = arena.world.stack.embedded?.faults;
    const only = ({ verb, name }: ApiRequest) => verb === "patch" && name === "sentinel-0012";
    kubernetes?.inject({ kind: "status", code: 503 }, { times: Infinity, only });
    const { id, answer, untilPatch } = await begin("x/sentinel:v3");
    await untilPatch(random.between(3, 12));
    await arena.world.stack.restate.register(next.endpoint);
    // What is in flight has to be replayed now, and only the build that began it can do that.
    arena.suffers({ name: "connections to the service cut", losesAnswers: 1, crashes: true });
    arena.relay.cut();
    kubernetes?.clear();
    expect(await answer).toMatchObject(COMPLETED);
    await arena.checker.check();

    const deployments = await arena.world.sql<{ id: string; endpoint: string }>(
      "SELECT id, endpoint FROM sys_deployment",
    );
    const old = deployments.find(({ endpoint }) => endpoint.includes(String(arena.relay.port)))?.id;
    expect(await buildOf(id)).toBe(old);
    const after = await arena.verb("Rollout", { image: "x/sentinel:v4" });
    expect(after).toMatchObject(COMPLETED);
    const left = await arena.world.sql<{ id: string }>(
      `SELECT id FROM sys_invocation WHERE pinned_deployment_id = '${old}' AND status <> 'completed'`,
    );
    expect(left, "the old build can be stopped").toEqual([]);
  });
});

async function buildOf(invocation: string): Promise<string | undefined> {
  const [row] = await arena.world.sql<{ pinned_deployment_id: string }>(
    `SELECT pinned_deployment_id FROM sys_invocation WHERE id = '${invocation}'`,
  );
  return row?.pinned_deployment_id;
}
