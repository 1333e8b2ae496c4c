import { describe } from "vitest";
import { everyInterleavingOf, type NamedSystem } from "./model/interleavings.ts";

const SYSTEMS: NamedSystem[] = [
  {
    name: "failed ones that are deployed again, and fail again, or are archived",
    waves: [[["a", "b"]], [["c"]]],
    window: 2,
    left: { Rollout: 1, RetryFailed: 1, RollbackAll: 1, fail: 2, skip: 1 },
  },
  {
    name: "a retry of two waves, one Deploy at a time, and the next retry",
    waves: [[["a"]], [["b"]]],
    window: 1,
    left: { Rollout: 1, Resume: 1, RetryFailed: 2, RollbackAll: 1, fail: 2 },
  },
  {
    name: "a retry that is killed, and the change that it makes",
    waves: [[["a", "b"]]],
    window: 2,
    left: { Rollout: 1, RetryFailed: 2, RollbackAll: 1, fail: 2, kill: 1 },
  },
  {
    name: "any change of a retry killed alone",
    waves: [[["a"]], [["b"]]],
    window: 1,
    left: { Rollout: 1, RetryFailed: 1, RollbackAll: 1, fail: 1, torn: 1 },
  },
  {
    name: "a retry whose invocation is cancelled",
    waves: [[["a"]], [["b"]]],
    window: 1,
    left: { Rollout: 1, RetryFailed: 2, Abort: 1, RollbackAll: 1, fail: 1, interrupt: 1 },
  },
  {
    name: "a retry that is paused in Restate, and resumed",
    waves: [[["a"]]],
    window: 1,
    left: { Rollout: 1, RetryFailed: 2, RollbackAll: 1, fail: 1, freeze: 1, thaw: 1 },
  },
  {
    name: "a lane of a retry that is killed",
    waves: [[["a"]]],
    window: 1,
    life: { driver: 0, lane: 1 },
    left: { Rollout: 1, RetryFailed: 1, RollbackAll: 1, fail: 1, killLane: 1 },
  },
  {
    name: "two rollouts of one image, the first one retried, and killed",
    waves: [[["a"]]],
    window: 1,
    sameImage: true,
    left: { Rollout: 2, RetryFailed: 2, RollbackAll: 1, fail: 1, kill: 1 },
  },
];

describe("every interleaving with retries keeps the guarantees", () => everyInterleavingOf(SYSTEMS));
