import { describe } from "vitest";
import { everyInterleavingOf, type NamedSystem } from "./model/interleavings.ts";

const SYSTEMS: NamedSystem[] = [
  {
    name: "an operator who pauses twice, resumes, and rolls back",
    waves: [[["a"]], [["b", "c"]]],
    window: 2,
    left: { Rollout: 1, Pause: 2, Resume: 1, RollbackAll: 1, fail: 1 },
  },
  {
    name: "a Pause in a wave that launches one after another, and a drive that is killed",
    waves: [[["a", "b"]]],
    window: 1,
    left: { Rollout: 1, Pause: 1, Resume: 1, RollbackAll: 1, kill: 1 },
  },
  {
    name: "an Abort at any moment, and a rollback after it",
    waves: [[["a"]], [["b", "c"]]],
    window: 2,
    left: { Rollout: 1, Pause: 1, Abort: 1, RollbackAll: 1, fail: 1, miss: 1 },
  },
  {
    name: "an Abort and a RollbackAll that return the failed ones, too",
    waves: [[["a", "b"]]],
    window: 2,
    includeFailed: true,
    left: { Rollout: 1, Abort: 1, RollbackAll: 1, fail: 2, miss: 1, skip: 1 },
  },
  {
    name: "a drive that is killed with failures that nobody recorded, and a rollback that returns them, too",
    waves: [[["a", "b"]]],
    window: 2,
    includeFailed: true,
    left: { Rollout: 1, RollbackAll: 2, fail: 2, kill: 1 },
  },
  {
    name: "a budget of one failure in each wave",
    waves: [[["a", "b", "c"]], [["d"]]],
    window: 1,
    limits: { maxFailures: 1 },
    left: { Rollout: 1, Resume: 2, RollbackAll: 1, fail: 4, skip: 1 },
  },
  {
    name: "a freeze whose time passes, another one, and what goes on in spite of them",
    waves: [[["a"]], [["b"]]],
    window: 1,
    left: { Rollout: 1, Resume: 2, RollbackAll: 1, Freeze: 2, Unfreeze: 1, pass: 1 },
  },
  {
    name: "a freeze, and any change killed alone",
    waves: [[["a"]], [["b"]]],
    window: 1,
    left: { Rollout: 1, Resume: 1, RollbackAll: 1, Freeze: 1, pass: 1, torn: 1 },
  },
  {
    name: "a freeze between two rollouts, and a drive that is killed",
    waves: [[["a"]]],
    window: 1,
    left: { Rollout: 2, Freeze: 1, Unfreeze: 1, kill: 1 },
  },
];

describe("every interleaving keeps the guarantees, with what controls a rollout", () =>
  everyInterleavingOf(SYSTEMS));
