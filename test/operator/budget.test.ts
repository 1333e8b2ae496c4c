import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { ids, NEW, type Refusal, World } from "../support/world.ts";
import { Launched, statusOf } from "./outside.ts";

const TOTAL = 60;
const IN_FLIGHT = 10;
const BAD = ids(1, 45);

describe("a budget", () => {
  let world: World;
  let launched: Launched;

  beforeAll(async () => {
    const env = { MAX_IN_FLIGHT: String(IN_FLIGHT), FAIL_FAST_SECONDS: "1" };
    const faults = BAD.map((sentinelId) => ({ sentinelId, fault: "CreateContainerConfigError" as const }));
    world = new World(await startStack({ sentinels: TOTAL, env, faults }));
    launched = await Launched.since(world);
  });
  afterAll(() => world.close());

  it("stops inside a wave in which everything fails", async () => {
    const body = { image: NEW, wave_percentages: [100], max_failures: 4 };
    const { body: ended } = await launched.during(world.verb("Rollout", body));
    expect(launched.calls.size).toBeLessThanOrEqual(4 + IN_FLIGHT + 1);
    const { failed, never_attempted } = ended;
    expect(ended).toMatchObject({ state: "paused", phase: "paused", pause_kind: "budget", in_flight: 0 });
    expect(failed + ended.succeeded + never_attempted).toBe(TOTAL);
    const words = `topped inside wave 1: ${failed} of ${TOTAL} failed (budget 4), ${never_attempted} never touched`;
    expect(ended.message).toContain(`s${words}`);
    expect(ended.message).toContain(`Resume: deploy the ${never_attempted} of this wave without a result`);
    await world.quiet();
    expect(world.stack.slack.messages.some(({ text }) => text.includes(`S${words}`))).toBe(true);
    expect(await world.on(NEW)).toEqual(ids(1, launched.calls.size));
  });

  it("counts anew from a Resume on, which deploys the untouched ones first", async () => {
    const before = launched.calls.size;
    const { body } = await launched.during(world.verb("Resume"));
    expect(body).toMatchObject({ state: "paused", pause_kind: "budget" });
    const fresh = launched.calls.size - before;
    expect(fresh).toBeGreaterThan(4);
    expect(fresh).toBeLessThanOrEqual(4 + IN_FLIGHT + 1);
    const sentinels = [...launched.calls.values()].map(({ sentinel }) => sentinel);
    expect(new Set(sentinels).size).toBe(sentinels.length);
  });

  it("lets a rollout go on to the next wave for as long as it is kept", async () => {
    await world.verb("Cancel");
    const image = NEW.replace(/v.*$/, "v3.0.0");
    await world.fault("sen_0001", "CreateContainerConfigError", image);
    const body = { image, wave_percentages: [50, 100], max_failures: "5%", max_total_failures: 3 };
    const { body: ended } = await world.verb("Rollout", body);
    expect(ended).toMatchObject({ state: "completed", failed: 1, succeeded: TOTAL - 1 });
    await world.quiet();
    const completed = world.stack.slack.messages.filter(({ text }) => text.includes("wave 1/2 completed"));
    expect(completed.at(-1)?.text).toContain("Failed in this wave: 1");
  });

  it("of none stops at the first failure, whatever is in flight settles", async () => {
    const image = NEW.replace(/v.*$/, "v4.0.0");
    await world.fault("sen_0001", "CreateContainerConfigError", image);
    const body = { image, wave_percentages: [100], max_total_failures: 0, max_in_flight: 3 };
    const before = await launched.look();
    const rollout = await world.start("Rollout", body);
    let most = 0;
    const answer = world.answer(rollout);
    let over = false;
    const watching = (async () => {
      while (!over) most = Math.max(most, (await statusOf(world)).in_flight);
    })();
    const { body: ended } = await launched.during(answer);
    over = true;
    await watching;
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
    expect(ended).toMatchObject({ state: "paused", pause_kind: "budget", failed: 1 });
    expect(ended.message).toContain("1 of 60 failed in all waves (budget 0)");
    expect(launched.calls.size - before).toBeLessThan(TOTAL);
    await world.verb("Cancel");
  });

  it("and a limit that the service does not allow are refused", async () => {
    const { status, body } = await world.verb<Refusal>("Rollout", {
      image: NEW,
      max_in_flight: IN_FLIGHT + 1,
    });
    expect({ status, message: body.message }).toEqual({
      status: 400,
      message: `The field max_in_flight must be at most ${IN_FLIGHT}, which MAX_IN_FLIGHT allows here, got ${IN_FLIGHT + 1}.`,
    });
  });
});
