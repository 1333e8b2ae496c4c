import { describe, expect, it } from "vitest";
import { explore } from "./model/explore.ts";
import { guarantees } from "./model/guarantees.ts";
import { initialWorld } from "./model/steps.ts";

/**
 * Every order in which operators, drivers, Deploys, the watchdog and faults can take turns, for fleets so small that
 * there is an end to it. How often operators act and invocations are killed or cancelled is bounded for that, too; a
 * Cancel, a Deploy that fails, one that stays in flight and the report of an old drive are possible at every turn.
 */
const SYSTEMS = [
  {
    name: "a rollout of two waves, resumed, rolled back twice, two invocations killed",
    waves: [["a"], ["b", "c"]],
    left: { Rollout: 1, Resume: 1, RollbackAll: 2, kill: 2, interrupt: 0, skip: 0 },
  },
  {
    name: "a rollout of two waves, resumed, rolled back, one invocation killed, two cancelled",
    waves: [["a", "b"], ["c"]],
    left: { Rollout: 1, Resume: 2, RollbackAll: 1, kill: 1, interrupt: 2, skip: 0 },
  },
  {
    name: "a rollout of three waves and four sentinels, resumed, rolled back, one invocation cancelled",
    waves: [["a"], ["b"], ["c", "d"]],
    left: { Rollout: 1, Resume: 2, RollbackAll: 1, kill: 0, interrupt: 1, skip: 0 },
  },
  {
    name: "a rollout of two waves, resumed, rolled back, one invocation killed, two sentinels archived",
    waves: [["a"], ["b", "c"]],
    left: { Rollout: 1, Resume: 1, RollbackAll: 1, kill: 1, interrupt: 0, skip: 2 },
  },
  {
    name: "two rollouts in a row, resumed, rolled back twice, one invocation killed",
    waves: [["a"], ["b"]],
    left: { Rollout: 2, Resume: 1, RollbackAll: 2, kill: 1, interrupt: 0, skip: 0 },
  },
  {
    name: "two rollouts in a row, the first may settle in the second, one invocation cancelled",
    waves: [["a", "b"], ["c"]],
    left: { Rollout: 2, Resume: 0, RollbackAll: 0, kill: 0, interrupt: 1, skip: 0 },
  },
];

const PHASES = ["cancelled", "completed", "idle", "in_progress", "paused", "rolling_back"];

describe("every interleaving keeps the guarantees", () => {
  for (const { name, waves, left } of SYSTEMS) {
    it(name, () => {
      const { states, phases, stranded } = explore(initialWorld(waves, left), waves, guarantees);
      expect(stranded).toBe(0);
      const possible = PHASES.filter((phase) => phase !== "rolling_back" || left.RollbackAll > 0);
      expect([...phases].sort()).toEqual(possible);
      expect(states).toBeGreaterThan(5_000);
    });
  }
});
