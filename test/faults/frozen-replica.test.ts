import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { Arena } from "./harness/arena.ts";

const FLEET = 12;
const FROZEN_MS = 60_000;

let arena: Arena;
beforeAll(async () => {
  arena = await Arena.open({ sentinels: FLEET, env: { MAX_IN_FLIGHT: "4" } }, 2);
});
afterAll(() => arena.close());

describe("a replica that is frozen for a minute while another goes on", () => {
  it("undoes nothing when it wakes up: the wave was cancelled and rolled back meanwhile", {
    timeout: 240_000,
  }, async () => {
    const { world, relay, checker } = arena;
    const [before] = await world.rows();
    const old = before?.image;
    await checker.begin();
    const { answer } = await arena.start("Rollout", { image: "x/sentinel:v1", wave_percentages: [100] });
    await arena.untilPatches(3);
    const [frozen] = arena.replicas;
    if (frozen === undefined) throw new Error("there is no service");
    const frozenMs = Date.now();
    arena.suffers({ name: "service frozen for a minute", losesAnswers: 1, crashes: true });
    await frozen.process.signal("SIGSTOP");
    const targets = [...relay.targets];
    relay.targets.splice(0, 1);
    // Restate, which would notice in its own time, calls the other one.
    relay.cut();
    await arena.verb("Cancel");
    await answer;
    expect(await arena.verb("RollbackAll")).toMatchObject({ status: 200, body: { state: "cancelled" } });
    await until("the minute to be over", () => Date.now() - frozenMs > FROZEN_MS, FROZEN_MS);
    await frozen.process.signal("SIGCONT");
    relay.targets.splice(0, relay.targets.length, ...targets);
    await until("it to be back", async () => (await fetch(`${world.stack.health}/readyz`)).ok);
    await world.quiet();
    await checker.check();
    for (const row of await world.rows()) expect(row).toMatchObject({ image: old, running_image: old });
  });
});
