import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RestateServer } from "../../src/local-stack/restate-server.ts";
import { seedOf } from "../support/seed.ts";
import { until } from "../support/until.ts";
import { Arena } from "./harness/arena.ts";
import { Random } from "./harness/random.ts";
import { clusterOfThree, startOthers } from "./harness/restate-cluster.ts";
import { startTcpRelay, type TcpRelay } from "./harness/tcp-relay.ts";

const random = new Random(seedOf("restate"));
const SENTINELS = 40;
const LOST = { name: "restate-server killed", losesAnswers: 1, crashes: true };

describe("restate-server is killed with -9", () => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await Arena.open();
  });
  afterAll(() => arena.close());

  it("in mid-rollout, and started on its data: the rollout completes", async () => {
    await arena.checker.begin();
    const { answer } = await arena.start("Rollout", { image: "x/sentinel:v1", wave_percentages: [25, 100] });
    await arena.untilPatches(random.between(1, 11));
    arena.suffers(LOST);
    const { process } = arena.world.stack.restate;
    await process.signal("SIGKILL");
    await process.start();
    expect(await answer).toMatchObject({ status: 200, body: { state: "completed" } });
    await arena.checker.check();
  });
});

describe("a cluster of three restate-servers, with two replicas of the service", () => {
  let arena: Arena;
  let others: RestateServer[];
  let ingress: TcpRelay;
  beforeAll(async () => {
    const settings = await clusterOfThree();
    const starting = startOthers(settings);
    starting.catch(() => undefined);
    ingress = await startTcpRelay([]);
    arena = await Arena.open(
      {
        sentinels: SENTINELS,
        restate: { env: settings[0] ?? {} },
        env: { MAX_IN_FLIGHT: "1" },
        adjustEnv: async () => ({ RESTATE_URL: `http://127.0.0.1:${ingress.port}` }),
      },
      2,
    );
    others = await starting;
    const nodes = [arena.world.stack.restate, ...others];
    ingress.targets.push(...nodes.map((node) => Number(new URL(node.ingress).port)));
  });
  afterAll(async () => {
    await arena.close();
    for (const node of others) await node.stop();
    await ingress.close();
  });

  it("loses each of its nodes in turn, the leader among them: the rollout goes on without it", async () => {
    await arena.checker.begin();
    const { answer } = await arena.start("Rollout", {
      image: "x/sentinel:v1",
      wave_percentages: [10, 100],
    });
    for (const node of random.shuffled([arena.world.stack.restate, ...others])) {
      await arena.untilPatches(Math.min(arena.proxy.patches.length + random.between(1, 2), SENTINELS));
      arena.suffers(LOST);
      await node.process.signal("SIGKILL");
      await arena.untilPatches(Math.min(arena.proxy.patches.length + 3, SENTINELS));
      await until("the node to be back", () => node.process.start().then(() => true), 60_000);
    }
    expect(await answer).toMatchObject({ status: 200, body: { state: "completed" } });
    await arena.checker.check();
  });
});
