import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { seedOf } from "../support/seed.ts";
import { FAULTS } from "./faults/index.ts";
import { mysqlFrozenFor30s } from "./faults/mysql.ts";
import { Random } from "./harness/random.ts";
import { soak } from "./harness/soak.ts";
import { openArena, patched } from "./harness/surroundings.ts";

const seed = seedOf("soak");
/** One takes ten seconds or so. */
const ROLLOUTS = 3;
const FROZEN_MS = 30_000;
const FLEET = 6;

// Both wait most of the time.
describe.concurrent("for longer than the other stories", () => {
  it("random verbs and faults: nothing that must hold is violated", async () => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const summary = await soak({ length: { rollouts: ROLLOUTS }, seed, faults: FAULTS, log });
    expect(summary.violations, lines.join("\n")).toEqual([]);
    expect(summary.rollouts).toBe(ROLLOUTS);
  });

  it("MySQL is frozen for 30 s, which is less than a Deploy may take: all of it completes", async () => {
    const random = new Random(seed);
    const { arena, close } = await openArena({ sentinels: FLEET });
    try {
      await arena.checker.begin();
      const { answer } = await arena.start("Rollout", {
        image: "x/sentinel:v1",
        wave_percentages: [50, 100],
      });
      await patched(arena, 0, random.between(1, FLEET - 1));
      const heal = await arena.inject(mysqlFrozenFor30s, random);
      await delay(FROZEN_MS);
      expect((await arena.world.state())?.state).toBe("in_progress");
      await heal();
      expect((await answer).body).toMatchObject({ state: "completed", succeeded: FLEET, failed: 0 });
      await arena.checker.check();
    } finally {
      await close();
    }
  });
});
