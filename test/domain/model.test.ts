import { describe, expect, it } from "vitest";
import { explore } from "./model/explore.ts";
import { guarantees } from "./model/guarantees.ts";
import type { System } from "./model/world.ts";

/**
 * Every order in which operators, drives, lanes, Deploys, the watchdog and faults can take turns, for fleets so small that
 * there is an end to it, with the very core that ships. How often operators act and faults happen is bounded for that, too;
 * a Cancel is possible at every turn.
 */
const SYSTEMS: (System & { name: string })[] = [
  {
    name: "two waves, resumed, rolled back twice, sentinels that fail, are archived, or do not revert",
    waves: [[["a"]], [["b", "c"]]],
    window: 2,
    left: { Rollout: 1, Resume: 1, RollbackAll: 2, fail: 1, miss: 1 },
  },
  {
    name: "sentinels that are archived in mid-rollout, two rollouts in a row",
    waves: [[["a"]], [["b"]]],
    window: 2,
    left: { Rollout: 2, RollbackAll: 1, fail: 1, skip: 1 },
  },
  {
    name: "one Deploy at a time, two invocations cancelled",
    waves: [[["a"], ["b"]]],
    window: 1,
    left: { Rollout: 1, Resume: 1, RollbackAll: 1, interrupt: 2 },
  },
  {
    name: "lanes that launch one Deploy each, and hand over",
    waves: [[["a", "b"]]],
    window: 2,
    life: { driver: 1, lane: 1 },
    left: { Rollout: 1, RollbackAll: 1, fail: 1 },
  },
  {
    name: "a driver that launches nothing itself, killed with its lanes and the change that one of them makes",
    waves: [[["a"]], [["b"]]],
    window: 2,
    life: { driver: 0, lane: 1 },
    left: { Rollout: 1, Resume: 1, RollbackAll: 1, kill: 1 },
  },
  {
    name: "a drive that is killed while it launches two, and the change that it makes",
    waves: [[["a"]], [["b", "c"]]],
    window: 2,
    left: { Rollout: 1, RollbackAll: 1, fail: 1, kill: 1 },
  },
  {
    name: "a fleet that is read in parts, and two drives that are killed",
    waves: [[["a"]], [["b"]]],
    window: 1,
    loads: true,
    left: { Rollout: 1, Resume: 1, RollbackAll: 1, kill: 2 },
  },
  {
    name: "a lane that is killed, and the change that it makes",
    waves: [[["a", "b"]]],
    window: 2,
    life: { driver: 1, lane: 1 },
    left: { Rollout: 1, RollbackAll: 1, killLane: 1 },
  },
  {
    name: "any change of two rollouts in a row killed alone",
    waves: [[["a"]], [["b"]]],
    window: 2,
    left: { Rollout: 2, Resume: 1, RollbackAll: 1, torn: 1 },
  },
  {
    name: "any change of a drive with lanes killed alone",
    waves: [[["a", "b"]]],
    window: 1,
    life: { driver: 1, lane: 2 },
    left: { Rollout: 1, RollbackAll: 1, torn: 1 },
  },
  {
    name: "an invocation that is paused in Restate, and resumed",
    waves: [[["a", "b"]]],
    window: 2,
    left: { Rollout: 1, RollbackAll: 1, fail: 1, freeze: 1, thaw: 1 },
  },
  {
    name: "a lane that is paused in Restate, and resumed",
    waves: [[["a", "b"]]],
    window: 1,
    life: { driver: 1, lane: 1 },
    left: { Rollout: 1, RollbackAll: 1, freeze: 1, thaw: 1 },
  },
  {
    name: "a drive that is killed, and a change killed alone, the watchdog's too",
    waves: [[["a"]], [["b"]]],
    window: 2,
    left: { Rollout: 1, Resume: 1, RollbackAll: 1, kill: 1, torn: 1 },
  },
  {
    name: "two rollouts of one image: what the first one moved is reverted, too",
    waves: [[["a"]], [["b"]]],
    window: 2,
    sameImage: true,
    left: { Rollout: 2, RollbackAll: 2, fail: 1 },
  },
  {
    name: "two rollouts of one image: who took it, and broke, is deployed again, and fails, or is archived",
    waves: [[["a"]], [["b"]]],
    window: 1,
    sameImage: true,
    left: { Rollout: 2, RollbackAll: 1, fail: 1, skip: 1, break: 1 },
  },
  {
    name: "two rollouts of one image, any change killed alone: the beginning of the second one, too",
    waves: [[["a"]], [["b"]]],
    window: 1,
    sameImage: true,
    left: { Rollout: 2, RollbackAll: 1, torn: 1 },
  },
  {
    name: "three rollouts of one image, one Deploy at a time",
    waves: [[["a"]], [["b"]]],
    window: 1,
    sameImage: true,
    left: { Rollout: 3, RollbackAll: 1 },
  },
  {
    name: "a drive that is asked whether it is there",
    waves: [[["a"]], [["b"]]],
    window: 2,
    left: { Rollout: 1, RollbackAll: 1, fail: 1, ask: 2 },
  },
];

const PHASES = ["cancelled", "completed", "idle", "in_progress", "paused", "rolling_back"];

describe("every interleaving keeps the guarantees", () => {
  for (const system of SYSTEMS) {
    it(system.name, { timeout: 300_000 }, () => {
      const { states, phases } = explore(system, guarantees);
      const { left } = system;
      const possible = PHASES.filter((phase) => phase !== "rolling_back" || (left.RollbackAll ?? 0) > 0);
      const pauses = left.fail || left.kill || left.killLane || left.torn || left.interrupt;
      expect([...phases].sort()).toEqual(possible.filter((phase) => phase !== "paused" || pauses));
      expect(states).toBeGreaterThan(1_000);
    });
  }
});
