import { apply, type Outcome } from "../../src/domain/rollout.ts";
import type { Event, Machine, Operation, Phase, SentinelResult } from "../../src/domain/state.ts";

/** Events and machines of a fleet of three in two waves, `a` and `b`, `c`; ready-made for each phase. */

export const NOW = 50_000;
export const WAVES = [["a"], ["b", "c"]];
export const EMPTY: Machine = { rollout: undefined, forward: undefined, rollback: undefined };

export const begin = (drive = "rollout-1"): Event => ({
  type: "begin",
  drive: { invocationId: drive, signal: `cancel ${drive}` },
  rolloutId: `id of ${drive}`,
  image: "sentinel:v2",
  wavePercentages: [1, 100],
  waves: WAVES,
  previousImages: { a: "sentinel:v1", b: "sentinel:v1", c: "sentinel:v0" },
});
export const resume = (drive = "resume-1"): Event => ({
  type: "resume",
  drive: { invocationId: drive, signal: `cancel ${drive}` },
});
export const cancel = (): Event => ({ type: "cancel" });
export const beginRollback = (drive = "rollback-1"): Event => ({
  type: "beginRollback",
  drive: { invocationId: drive, signal: `late results for ${drive}` },
});
export const record = (drive: string, ...results: SentinelResult[]): Event => ({
  type: "record",
  drive,
  results,
});
export const finishWave = (drive: string, ...results: SentinelResult[]): Event => ({
  type: "finishWave",
  drive,
  results,
});
export const interrupt = (drive: string, ...results: SentinelResult[]): Event => ({
  type: "interrupt",
  drive,
  results,
  reason: "cancelled in the UI",
});
export const abandon = (drive: string): Event => ({ type: "abandon", drive, reason: "killed" });
export const listen = (drive: string, signal = `more for ${drive}`): Event => ({
  type: "listen",
  drive,
  signal,
});
export const recordReverted = (drive: string, ...ids: string[]): Event => ({
  type: "recordReverted",
  drive,
  ids,
});
export const finishRollback = (drive: string, ...ids: string[]): Event => ({
  type: "finishRollback",
  drive,
  ids,
  reverted: ids.length,
  targets: ids.length,
  failures: [],
});

export const ready = (id: string): SentinelResult => ({ id });
export const failed = (id: string, failure = `${id} did not come up`): SentinelResult => ({ id, failure });

export const skipped = (id: string): SentinelResult => ({ id, skipped: `${id} is archived` });

/** The outcome of the last of these events, one after another from the start. */
export function outcomeOf(...events: Event[]): Outcome {
  const start: Outcome = { machine: EMPTY, changes: [], wake: [], accepted: true };
  return events.reduce((before, event) => apply(before.machine, event, NOW), start);
}

export function machineAfter(...events: Event[]): Machine {
  return outcomeOf(...events).machine;
}

/** Each phase, and the ways to be in it that make a difference. */
export const MACHINES = {
  idle: EMPTY,
  "in_progress, first wave": machineAfter(begin()),
  "in_progress, last wave": machineAfter(begin(), finishWave("rollout-1", ready("a"))),
  "paused, by a failure": machineAfter(begin(), finishWave("rollout-1", failed("a"))),
  "paused, by a failure in the last wave": machineAfter(
    begin(),
    finishWave("rollout-1", ready("a")),
    finishWave("rollout-1", ready("b"), failed("c")),
  ),
  "paused, by an interruption": machineAfter(
    begin(),
    finishWave("rollout-1", ready("a")),
    interrupt("rollout-1", ready("b")),
  ),
  "cancelled, settled": machineAfter(begin(), cancel(), finishWave("rollout-1", ready("a"))),
  "cancelled, Deploys in flight": machineAfter(begin(), cancel()),
  completed: machineAfter(
    begin(),
    finishWave("rollout-1", ready("a")),
    finishWave("rollout-1", ready("b"), ready("c")),
  ),
  "rolling_back, settled": machineAfter(begin(), finishWave("rollout-1", failed("a")), beginRollback()),
  "rolling_back, Deploys in flight": machineAfter(begin(), cancel(), beginRollback()),
} as const satisfies Record<string, Machine>;

export function phaseOf(machine: Machine): Phase {
  return machine.rollout?.state ?? "idle";
}

/** The event by which an operator asks for it. */
export const VERBS: Record<Operation, Event> = {
  Rollout: begin("rollout-2"),
  Resume: resume(),
  Cancel: cancel(),
  RollbackAll: beginRollback("rollback-2"),
};
