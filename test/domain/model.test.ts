import { describe } from "vitest";
import { everyInterleavingOf, type NamedSystem } from "./model/interleavings.ts";

const SYSTEMS: NamedSystem[] = [
  {
    name: "two waves, resumed, rolled back twice, sentinels that fail, are archived, or do not revert",
    waves: [[["a"]], [["b", "c"]]],
    window: 2,
    left: { Rollout: 1, Resume: 1, RollbackAll: 2, fail: 1, miss: 1 },
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
    name: "any change of a drive with lanes killed alone",
    waves: [[["a", "b"]]],
    window: 1,
    life: { driver: 1, lane: 2 },
    left: { Rollout: 1, RollbackAll: 1, torn: 1 },
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
    name: "two rollouts of one image: what the first one deployed is reverted, too",
    waves: [[["a"]], [["b"]]],
    window: 2,
    sameImage: true,
    left: { Rollout: 2, RollbackAll: 2, fail: 1 },
  },
  {
    name: "a drive that is asked whether it is there",
    waves: [[["a"]], [["b"]]],
    window: 2,
    left: { Rollout: 1, RollbackAll: 1, fail: 1, ask: 2 },
  },
  {
    name: "any change of a drive that is paused or aborted killed alone",
    waves: [[["a"]], [["b"]]],
    window: 1,
    left: { Rollout: 1, Pause: 1, Resume: 1, Abort: 1, torn: 1 },
  },
  {
    name: "a budget, a ramp, and any change killed alone",
    waves: [[["a", "b", "c"]]],
    window: 2,
    limits: { maxFailures: 0, ramp: true },
    left: { Rollout: 1, Resume: 1, fail: 1, torn: 1 },
  },
  {
    name: "a freeze, and what stops in spite of it",
    waves: [[["a"]], [["b"]]],
    window: 1,
    left: { Rollout: 1, Resume: 1, RollbackAll: 1, Pause: 1, Abort: 1, Freeze: 1 },
  },
  {
    name: "an operator who pauses, resumes, and begins another rollout",
    waves: [[["a"]], [["b"]]],
    window: 1,
    left: { Rollout: 2, Pause: 1, Resume: 1 },
  },
  {
    name: "a retry that an operator pauses, or aborts",
    waves: [[["a", "b"]]],
    window: 1,
    left: { Rollout: 1, RetryFailed: 1, RollbackAll: 1, Pause: 1, Abort: 1, fail: 2 },
  },
];

describe("every interleaving keeps the guarantees", () => everyInterleavingOf(SYSTEMS));
