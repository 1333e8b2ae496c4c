import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { startStack } from "../../src/local-stack/stack.ts";
import { Acts } from "../support/acts.ts";
import { until } from "../support/until.ts";
import { NEW, World } from "../support/world.ts";

const CHANGE = "hydra.v1.SentinelRolloutService/singleton/Change";
/** Milliseconds in which an operator has an answer, on a machine that is busy with other tests. */
const AT_ONCE = 1_500;

let world: World;
let acts: Acts;
beforeAll(async () => {
  world = new World(await startStack({ sentinels: 4, env: { FAIL_FAST_SECONDS: "1" } }));
  acts = new Acts(world);
});
afterAll(() => world.close());
afterEach(async () => {
  if ((await world.status()).next.includes("Cancel")) await world.verb("Cancel");
  await world.quiet();
});

it("while MySQL hangs every verb answers at once, and the rows appear afterwards, in order", {
  timeout: 120_000,
}, async () => {
  const id = await acts.paused("alice");
  await world.quiet();
  const mysql = world.stack.mysql.process;
  if (mysql === undefined)
    throw new Error("this test needs a private MySQL server, not that of DATABASE_URL");
  await mysql.signal("SIGSTOP");
  for (const [verb, wanted] of [
    ["Pause", 200],
    ["Rollout", 409],
    ["Cancel", 200],
    ["Resume", 409],
    ["Abort", 409],
  ] as const) {
    const asked = performance.now();
    const { status } = await acts.as("alice", verb, verb === "Rollout" ? { image: NEW } : {});
    expect({ verb, status }).toEqual({ verb, status: wanted });
    expect(performance.now() - asked, verb).toBeLessThan(AT_ONCE);
  }
  await mysql.signal("SIGCONT");
  await until("the rows", async () => (await acts.history({ rollout_id: id })).actions.length === 6, 60_000);
  expect((await acts.told({ rollout_id: id })).map(({ verb, from, to }) => [verb, from, to])).toEqual([
    ["Rollout", "idle", "in_progress"],
    ["Pause", "paused", "paused"],
    ["Rollout", "paused", null],
    ["Cancel", "paused", "cancelled"],
    ["Resume", "cancelled", null],
    ["Abort", "cancelled", null],
  ]);
});

it("a table that is not there yet holds up neither verbs nor the history of rollouts", async () => {
  await world.change("RENAME TABLE sentinel_rollout_actions TO actions_away");
  const id = await acts.paused("alice");
  expect((await acts.as("alice", "Cancel")).status).toBe(200);
  await until("the rollout to be in its own table", async () => {
    const [row] = await world.select(`SELECT state FROM sentinel_rollouts WHERE id = '${id}'`);
    return row?.state === "cancelled";
  });
  await world.change("RENAME TABLE actions_away TO sentinel_rollout_actions");
  expect((await acts.told({ rollout_id: id })).map(({ verb }) => verb)).toEqual(["Rollout", "Cancel"]);
});

/** Each of these is refused by a change. */
const BODIES: Record<string, object> = { Rollout: { image: NEW }, Pause: { rollout_id: "another" } };

it("a service that is killed while verbs are under way loses none and doubles none", {
  timeout: 120_000,
}, async () => {
  const id = await acts.paused("alice");
  await world.quiet();
  const { process } = world.stack.service;
  const names: string[] = [];
  async function killedAmid(verbs: string[]): Promise<number[]> {
    const asked = verbs.map((verb) => {
      names.push(`op-${names.length}`);
      return acts.as(names.at(-1) ?? "", verb, BODIES[verb]);
    });
    // Some are answered, some have just begun.
    await Promise.race(asked);
    await process.signal("SIGKILL");
    await process.start();
    return (await Promise.all(asked)).map(({ status }) => status).toSorted();
  }
  for (let round = 0; round < 2; round++) {
    const refused = Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? "Pause" : "Rollout"));
    expect(await killedAmid(refused)).toEqual(refused.map(() => 409));
  }
  expect(await killedAmid(["Cancel", "Cancel", "Cancel", "Cancel"])).toEqual([200, 409, 409, 409]);

  const all = await acts.told({ rollout_id: id });
  expect(all.map(({ operator }) => operator).toSorted()).toEqual(["alice", ...names].toSorted());
  const taken = all.filter(({ refused }) => refused === null);
  expect(taken.map(({ verb, to }) => [verb, to])).toEqual([
    ["Rollout", "in_progress"],
    ["Cancel", "cancelled"],
  ]);
});

it("a change that is killed in Restate loses no verb and doubles none, and tells which one was cut short", async () => {
  const id = await acts.paused("alice");
  await world.quiet();
  const names = Array.from({ length: 30 }, (_, i) => `op-${i}`);
  const asked = names.map((name) => acts.as(name, "Pause", BODIES.Pause));
  await until("changes to wait for one another", async () => (await world.running(CHANGE)).length > 3);
  const { process } = world.stack.service;
  await process.signal("SIGSTOP");
  const changes = await world.running(CHANGE);
  expect(changes.length).toBeGreaterThan(0);
  for (const change of changes) await world.end(change, "kill");
  await process.signal("SIGCONT");
  for (const { status } of await Promise.all(asked)) expect(status).toBe(409);

  const all = (await acts.told({ rollout_id: id })).slice(1);
  expect(all.map(({ operator }) => operator).toSorted()).toEqual(names.toSorted());
  const cutShort = all.filter(({ refused }) => refused?.includes("killed"));
  expect(cutShort.length).toBeGreaterThan(0);
  for (const { from, to } of all) expect([from, to]).toEqual(["paused", null]);
});
