import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seedOf } from "../operator/seed.ts";
import { Arena } from "./harness/arena.ts";
import type { Fault } from "./harness/fault.ts";
import { kubernetesFaults } from "./harness/faults/kubernetes.ts";
import { mysqlFaults } from "./harness/faults/mysql.ts";
import { slackFaults } from "./harness/faults/slack.ts";
import { Random } from "./harness/random.ts";

const seed = seedOf("dependencies");
const PERCENTS = [25, 60, 100];
/** Longest trouble (ms) here; the soak has longer ones. */
const LONGEST_MS = 1_500;

let arena: Arena;
let rollouts = 0;
beforeAll(async () => {
  arena = await Arena.open();
});
afterAll(() => arena.close());

const each = (faults: Fault[]) =>
  faults.map((fault, n) => [fault.name, fault, new Random(seed + n)] as const);

/** A rollout in the middle of which the fault comes and goes. */
async function survives(fault: Fault, random: Random): Promise<void> {
  await arena.checker.begin();
  const from = arena.proxy.patches.length;
  const image = `x/sentinel:r${++rollouts}`;
  const { answer } = await arena.start("Rollout", { image, wave_percentages: PERCENTS });
  await arena.untilPatches(random.between(1, 10), from);
  await delay(random.between(0, 60));
  const heal = await arena.inject(fault, random);
  await delay(random.between(100, LONGEST_MS));
  await heal();
  expect((await answer).body).toMatchObject({ state: "completed", succeeded: 12, failed: 0 });
  await arena.checker.check();
}

describe("a rollout loses nothing to", () => {
  it.each(each(mysqlFaults))("%s", (_, fault, random) => survives(fault, random));
  it.each(each(kubernetesFaults))("%s", (_, fault, random) => survives(fault, random));
});

describe("a rollout is neither delayed nor failed, and Slack hears all of it, though", () => {
  it.each(each(slackFaults))("%s", async (_, fault, random) => {
    await arena.checker.begin();
    const heal = await arena.inject(fault, random);
    const before = arena.slack.attempts;
    const image = `x/sentinel:s${++rollouts}`;
    const { body } = await arena.verb("Rollout", { image, wave_percentages: PERCENTS });
    expect(body).toMatchObject({ state: "completed", succeeded: 12, failed: 0 });
    expect(arena.world.stack.slack.messages.filter(({ text }) => text.includes(image))).toEqual([]);
    expect(arena.slack.attempts - before).toBeLessThan(20);
    await heal();
    await arena.checker.check();
  });
});
