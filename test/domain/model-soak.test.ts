import { describe } from "vitest";
import { everyInterleavingOf, type NamedSystem } from "./model/interleavings.ts";

const SYSTEMS: NamedSystem[] = [
  {
    name: "a soak that is paused twice, and a drive of it that is killed",
    waves: [[["a"]], [["b"]]],
    window: 1,
    limits: { soakSeconds: [2, 0] },
    left: { Rollout: 1, Pause: 1, Resume: 2, kill: 1 },
  },
  {
    name: "soaks whose drive is cancelled in Restate, and a freeze",
    waves: [[["a"]], [["b"]]],
    window: 1,
    limits: { soakSeconds: [1, 1] },
    left: { Rollout: 1, Resume: 1, Freeze: 1, interrupt: 1 },
  },
  {
    name: "one that breaks and recovers, and is told late and twice",
    waves: [[["a"]], [["b"]]],
    window: 1,
    limits: { soakSeconds: [1, 0] },
    left: { Rollout: 1, Resume: 1, regress: 2, recover: 1, hint: 1 },
  },
  {
    name: "any change of a soak killed alone",
    waves: [[["a"]], [["b"]]],
    window: 1,
    limits: { soakSeconds: [2, 0] },
    left: { Rollout: 1, Resume: 1, regress: 1, torn: 1 },
  },
  {
    name: "a rollback by itself, that is late, killed, or overtaken",
    waves: [[["a"]]],
    window: 1,
    limits: { soakSeconds: [1], onFailure: "rollback" },
    left: { Rollout: 1, Resume: 1, regress: 1, kill: 1 },
  },
  {
    name: "a rollback by itself, and an operator who pauses before or after that",
    waves: [[["a"]]],
    window: 1,
    limits: { soakSeconds: [1], onFailure: "rollback" },
    left: { Rollout: 1, Pause: 2, Resume: 1, regress: 1 },
  },
  {
    name: "any change of a rollback by itself that an operator keeps from going on killed alone",
    waves: [[["a", "b"]]],
    window: 1,
    limits: { onFailure: "rollback" },
    left: { Rollout: 1, Pause: 1, Resume: 1, fail: 1, torn: 1 },
  },
  {
    name: "failures that are retried, and a rollback by itself",
    waves: [[["a"]]],
    window: 1,
    limits: { soakSeconds: [1], onFailure: "rollback" },
    left: { Rollout: 1, Resume: 1, RetryFailed: 1, fail: 2, regress: 1 },
  },
  {
    name: "failures within their budget that are retried in a wave that soaks",
    waves: [[["a"]], [["b"]]],
    window: 1,
    limits: { soakSeconds: [2, 0], maxRegressions: 1, maxFailures: 1 },
    left: { Rollout: 1, Resume: 1, RetryFailed: 1, Pause: 1, fail: 1 },
  },
];

describe("every interleaving with a soak keeps the guarantees", () => everyInterleavingOf(SYSTEMS));
