import { assertLegal } from "./legality.ts";
import { progressOf, remaining, tookImage } from "./progress.ts";
import type { Outcome } from "./rollout.ts";
import type { Drive, Event, Machine, NewDrive, PhaseChange, RolloutState } from "./state.ts";

/** A sentinel to return to the image it ran before the rollout. */
export interface RollbackTarget {
  id: string;
  image: string;
}

/** Whom a rollback may have to revert, newest first. */
export interface RollbackScope {
  image: string;
  /** Took the new image and were not reverted yet. */
  recorded: RollbackTarget[];
  /** Of an interrupted wave, without a result: they count if their row says that they took it. */
  unrecorded: RollbackTarget[];
  /** False while Deploys of the rollout are still in flight; those results follow. */
  settled: boolean;
}

/** Failed sentinels are never in it. While Deploys are in flight their sentinels are not in it either. */
export function rollbackScope(machine: Machine, drive: string): RollbackScope | undefined {
  const rollout = rollbackOf(machine, drive);
  if (rollout === undefined) return undefined;
  const reverted = new Set(rollout.revertedIds);
  const settled = machine.forward === undefined;
  const targets = (ids: string[]) =>
    ids
      .filter((id) => !reverted.has(id))
      .reverse()
      .map((id) => ({ id, image: rollout.previousImages[id] ?? "" }));
  return {
    image: rollout.image,
    recorded: targets(rollout.succeededIds),
    unrecorded: settled ? targets(remaining(rollout)) : [],
    settled,
  };
}

export function beginRollback(machine: Machine, drive: NewDrive, nowMs: number): Outcome {
  const before = assertLegal("RollbackAll", machine.rollout);
  const rollout: RolloutState = { ...before, state: "rolling_back", pauseReason: "" };
  const rollback: Drive = { ...drive, startedAtMs: nowMs, firstWave: rollout.currentWave };
  const reverted = new Set(rollout.revertedIds);
  const targets = rollout.succeededIds.filter((id) => !reverted.has(id)).length;
  const started: PhaseChange = { kind: "rollback started", progress: progressOf(rollout, nowMs), targets };
  return {
    machine: { ...machine, rollout, rollback },
    changes: [started],
    wake: [],
    watch: rollback.invocationId,
    accepted: true,
  };
}

export function listen(machine: Machine, event: Event & { type: "listen" }): Outcome {
  const { rollback } = machine;
  if (rollback === undefined || rollbackOf(machine, event.drive) === undefined) return ignored(machine);
  return quiet({ ...machine, rollback: { ...rollback, signal: event.signal } }, []);
}

export function recordReverted(machine: Machine, event: Event & { type: "recordReverted" }): Outcome {
  const rollout = rollbackOf(machine, event.drive);
  if (rollout === undefined) return ignored(machine);
  return quiet({ ...machine, rollout: withReverted(rollout, event.ids) }, []);
}

export function finishRollback(
  machine: Machine,
  event: Event & { type: "finishRollback" },
  nowMs: number,
): Outcome {
  const before = rollbackOf(machine, event.drive);
  if (before === undefined) return ignored(machine);
  const rollout: RolloutState = { ...withReverted(before, event.ids), state: "cancelled" };
  const completed: PhaseChange = {
    kind: "rollback completed",
    progress: progressOf(rollout, nowMs),
    reverted: event.reverted,
    targets: event.targets,
    failed: event.targets - event.reverted,
    failures: event.failures,
    durationMs: Math.max(0, nowMs - (machine.rollback?.startedAtMs ?? nowMs)),
    ...(event.interruption === undefined ? {} : { interruption: event.interruption }),
  };
  return quiet({ ...machine, rollout, rollback: undefined }, [completed]);
}

/** The watchdog's word that nobody drives the rollback any more: what was reverted stays recorded. */
export function abandonRollback(machine: Machine, reason: string, nowMs: number): Outcome {
  const { rollback, rollout } = machine;
  if (rollback === undefined || rollout === undefined) return ignored(machine);
  const reverted = rollout.revertedIds.length;
  return finishRollback(
    machine,
    {
      type: "finishRollback",
      drive: rollback.invocationId,
      ids: [],
      reverted,
      targets: tookImage(rollout),
      failures: [],
      interruption: reason,
    },
    nowMs,
  );
}

function rollbackOf(machine: Machine, drive: string): RolloutState | undefined {
  if (machine.rollback?.invocationId !== drive) return undefined;
  return machine.rollout?.state === "rolling_back" ? machine.rollout : undefined;
}

function withReverted(rollout: RolloutState, ids: readonly string[]): RolloutState {
  if (ids.length === 0) return rollout;
  return { ...rollout, revertedIds: [...new Set([...rollout.revertedIds, ...ids])] };
}

function quiet(machine: Machine, changes: PhaseChange[]): Outcome {
  return { machine, changes, wake: [], accepted: true };
}

function ignored(machine: Machine): Outcome {
  return { machine, changes: [], wake: [], accepted: false };
}
