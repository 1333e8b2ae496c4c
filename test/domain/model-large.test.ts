import { describe } from "vitest";
import { everyInterleavingOf, type NamedSystem } from "./model/interleavings.ts";

const SYSTEMS: NamedSystem[] = [
  {
    name: "one Deploy at a time, two invocations cancelled",
    waves: [[["a"], ["b"]]],
    window: 1,
    left: { Rollout: 1, Resume: 1, RollbackAll: 1, interrupt: 2 },
  },
  {
    name: "any change of two rollouts in a row killed alone",
    waves: [[["a"]], [["b"]]],
    window: 2,
    left: { Rollout: 2, Resume: 1, RollbackAll: 1, torn: 1 },
  },
  {
    name: "an invocation that is paused in Restate, and resumed",
    waves: [[["a", "b"]]],
    window: 2,
    left: { Rollout: 1, RollbackAll: 1, fail: 1, freeze: 1, thaw: 1 },
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
    name: "sentinels that are archived in mid-rollout, two rollouts in a row",
    waves: [[["a"]], [["b"]]],
    window: 2,
    left: { Rollout: 2, RollbackAll: 1, fail: 1, skip: 1 },
  },
  {
    name: "a lane that is killed, and the change that it makes",
    waves: [[["a", "b"]]],
    window: 2,
    life: { driver: 1, lane: 1 },
    left: { Rollout: 1, RollbackAll: 1, killLane: 1 },
  },
];

describe("every interleaving keeps the guarantees, of systems that take longer", () =>
  everyInterleavingOf(SYSTEMS));
