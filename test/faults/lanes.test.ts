import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seedOf } from "../support/seed.ts";
import { until } from "../support/until.ts";
import { Arena } from "./harness/arena.ts";
import { Random } from "./harness/random.ts";

const random = new Random(seedOf("lanes"));
/** Three lanes have to share these places: the driver's own has less than half of them. */
const AT_A_TIME = 300;
const TOUR = process.env.FAULT_TOUR === "1";
/**
 * With previous images as long as they may be, 900 sentinels are more than a Rollout hands on at once: `Load` reads them part
 * by part, and dies at that, too. It takes half a minute to bring so many there.
 */
const FLEET = TOUR ? 900 : 360;
const LONG = `x/sentinel:${"l".repeat(128)}`.padStart(255, "registry/");
const NEXT = "x/sentinel:next";
const WAVES = { wave_percentages: [100] };
const CRASH = { name: "service killed", losesAnswers: 1, crashes: true };
const STORY_MS = 300_000;

let arena: Arena;
beforeAll(async () => {
  arena = await Arena.open({
    sentinels: FLEET,
    env: { MAX_IN_FLIGHT: String(AT_A_TIME), LOG_LEVEL: "info" },
    // Updates take long enough, so that all places are taken at some time.
    embedded: { podStartMs: 2_000 },
  });
});
afterAll(() => arena.close());

/** Dies at this step, once so many like it are over. */
async function diesAt(step: string, skip = 0): Promise<void> {
  arena.suffers(CRASH);
  arena.failpoints.arm([`before ${step}`, `after ${step}`], skip);
  await until(`it to die at ${step}`, () => !arena.failpoints.armed, 60_000);
}

/** Dies in the middle of whatever it does, once so many have succeeded, or are reverted. */
async function diesOnce(what: "succeeded" | "reverted", count: number): Promise<void> {
  await until(`${count} to have ${what}`, async () => (await arena.world.status())[what] >= count, 90_000);
  await dies();
}

async function dies(): Promise<void> {
  arena.suffers(CRASH);
  await arena.world.stack.service.process.signal("SIGKILL");
}

/** So many Deploys were launched since then (unix ms), by so many lanes beside the driver's own. */
async function launchedSince(sinceMs: number): Promise<{ deploys: number; lanes: number }> {
  const [row] = await arena.world.sql<{ deploys: number; lanes: number }>(
    `SELECT count(*) AS deploys, count(DISTINCT CASE WHEN invoked_by_target LIKE '%/Lane' THEN invoked_by_id END) AS lanes
     FROM sys_invocation WHERE target_handler_name = 'Deploy'
     AND created_at >= TIMESTAMP '${new Date(sinceMs).toISOString()}'`,
  );
  return row ?? { deploys: 0, lanes: 0 };
}

describe("a fleet that several lanes drive, and a service that dies again and again", () => {
  it("completes, though it dies in the opening burst, in the steady state and among the last results", {
    timeout: STORY_MS,
  }, async () => {
    const beganMs = Date.now();
    await arena.checker.begin();
    const { answer } = await arena.start("Rollout", { image: LONG, ...WAVES });
    await diesAt("Lane/call Deploy sen_#", random.between(0, 60));
    await diesOnce("succeeded", random.between(100, FLEET - 100));
    await diesOnce("succeeded", FLEET - random.between(1, 20));
    expect(await answer).toMatchObject({ status: 200, body: { state: "completed", succeeded: FLEET } });
    expect((await launchedSince(beganMs)).lanes).toBeGreaterThanOrEqual(2);
    await arena.checker.check();
  });

  it("is cancelled soon after it came back, and is rolled back over another death", {
    timeout: STORY_MS,
  }, async () => {
    const beganMs = Date.now();
    await arena.checker.begin();
    const { answer } = await arena.start("Rollout", { image: NEXT, ...WAVES });
    if (TOUR) await diesAt("Load/run read part #/#", random.between(0, 2));
    await diesAt("Lane/call Deploy sen_#", random.between(0, 30));
    // More are still to be launched than may be on their way at the Cancel: a burst that goes on after it is seen.
    const { deploys } = await launchedSince(beganMs);
    await until("it to launch more", async () => (await launchedSince(beganMs)).deploys > deploys, 60_000);
    expect(await arena.verb("Cancel")).toMatchObject({ status: 200, body: { state: "cancelled" } });
    // All that was launched has settled: who asked for more before that would hide what came too late.
    expect((await answer).body).toMatchObject({ state: "cancelled" });
    const { answer: rollback } = await arena.start("RollbackAll");
    await diesOnce("reverted", random.between(1, 10));
    const { body } = await rollback;
    expect(body).toMatchObject({ state: "cancelled", reverted: body.total });
    expect(await arena.world.on(NEXT)).toEqual([]);
    await arena.checker.check();
  });
});
