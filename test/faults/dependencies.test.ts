import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seedOf } from "../support/seed.ts";
import { kubernetesFaults } from "./faults/kubernetes.ts";
import { mysqlFaults } from "./faults/mysql.ts";
import { slackFaults } from "./faults/slack.ts";
import type { Arena } from "./harness/arena.ts";
import type { Fault } from "./harness/fault.ts";
import { Random } from "./harness/random.ts";
import { openArena, patched } from "./harness/surroundings.ts";

const seed = seedOf("dependencies");
const FLEET = 12;
const PERCENTS = [25, 60, 100];
/** Longest trouble (ms) here; the soak has longer ones. */
const LONGEST_MS = 1_000;

let arena: Arena;
let close: () => Promise<void>;
let rollouts = 0;
beforeAll(async () => {
  ({ arena, close } = await openArena({ sentinels: FLEET, embedded: { podStartMs: 200 } }));
});
afterAll(() => close());

/** All of the faults in random order, so many of them in one rollout. */
function troubles(faults: readonly Fault[], together: number): [names: string, Fault[], Random][] {
  const random = new Random(seed);
  const all = random.shuffled(faults);
  const groups = Array.from({ length: Math.ceil(all.length / together) }, (_, n) =>
    all.slice(n * together, (n + 1) * together),
  );
  return groups.map((group) => {
    const names = group.map(({ name }) => name).join(", then ");
    return [names, group, new Random(random.between(0, 2 ** 31))];
  });
}

describe("a rollout loses nothing to", () => {
  it.each([...troubles(mysqlFaults, 2), ...troubles(kubernetesFaults, 3)])(
    "%s",
    async (_, faults, random) => {
      await arena.checker.begin();
      const from = arena.proxy.patches.length;
      const image = `x/sentinel:r${++rollouts}`;
      const { answer } = await arena.start("Rollout", { image, wave_percentages: PERCENTS });
      const moments = faults.map(() => random.between(1, FLEET - 2)).sort((a, b) => a - b);
      for (const [n, fault] of faults.entries()) {
        await patched(arena, from, moments[n] ?? 1);
        await delay(random.between(0, 60));
        const heal = await arena.inject(fault, random);
        await delay(random.between(100, LONGEST_MS));
        await heal();
      }
      expect((await answer).body).toMatchObject({ state: "completed", succeeded: FLEET, failed: 0 });
      await arena.checker.check();
    },
  );
});

describe("a rollout is neither delayed nor failed, and Slack hears all of it, though", () => {
  it.each(troubles(slackFaults, 4))("%s", async (_, faults, random) => {
    await arena.checker.begin();
    const { messages } = arena.world.stack.slack;
    const heard = messages.length;
    const [first, ...later] = faults as [Fault, ...Fault[]];
    let heal = await arena.inject(first, random);
    const image = `x/sentinel:s${++rollouts}`;
    const { body } = await arena.verb("Rollout", { image, wave_percentages: PERCENTS });
    expect(body).toMatchObject({ state: "completed", succeeded: FLEET, failed: 0 });
    for (const fault of later) {
      await heal();
      heal = await arena.inject(fault, random);
      await delay(random.between(100, LONGEST_MS));
    }
    // It has not heard the end of it yet, and the rollout is over.
    expect(messages.slice(heard).filter(({ text }) => text.includes("rollout completed"))).toEqual([]);
    await heal();
    await arena.checker.check();
  });
});
