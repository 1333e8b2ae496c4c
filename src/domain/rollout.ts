import { assertLegal } from "./legality.ts";
import { failedInWave, failuresOf, plural, progressOf, remaining } from "./progress.ts";
import { abandonRollback, beginRollback, finishRollback, listen, recordReverted } from "./rollback.ts";
import type { Event, Machine, NewDrive, PhaseChange, RolloutState, SentinelResult } from "./state.ts";

/** A message to Slack names this many failing sentinels. */
const FAILURES_IN_A_MESSAGE = 5;

/** What an event made of the machine, and whom to tell. */
export interface Outcome {
  machine: Machine;
  /** In the order in which they happened. */
  changes: PhaseChange[];
  /** Signals of the drives that have something new to look at. */
  wake: string[];
  /** The id of a drive that has just begun and is to be watched. */
  watch?: string;
  /** False for the report of a drive that is no longer the rollout's: nothing was changed. */
  accepted: boolean;
}

/** A wave as a drive sees it; `number` is 1-based, `ids` are those still to be deployed. */
export interface Wave {
  number: number;
  of: number;
  image: string;
  ids: string[];
}

/**
 * The one place where the machine changes: every verb of the operator and every report of a drive is an event.
 * @param nowMs unix milliseconds
 * @throws IllegalOperationError when an operator's verb is not legal now; nothing has changed then
 */
export function apply(machine: Machine, event: Event, nowMs: number): Outcome {
  const outcome = happen(machine, event, nowMs);
  const [before, after] = [machine.rollout, outcome.machine.rollout];
  if (before?.state === after?.state && before?.currentWave === after?.currentWave) return outcome;
  return { ...outcome, machine: { ...outcome.machine, sinceMs: nowMs } };
}

function happen(machine: Machine, event: Event, nowMs: number): Outcome {
  switch (event.type) {
    case "begin":
      return begin(machine, event, nowMs);
    case "resume":
      return resume(machine, event.drive, nowMs);
    case "cancel":
      return cancel(machine, nowMs);
    case "beginRollback":
      return beginRollback(machine, event.drive, nowMs);
    case "listen":
      return listen(machine, event);
    case "recordReverted":
      return recordReverted(machine, event);
    case "finishRollback":
      return finishRollback(machine, event, nowMs);
    case "abandon":
      return machine.rollback?.invocationId === event.drive
        ? abandonRollback(machine, event.reason, nowMs)
        : endWave(machine, { ...event, results: [] }, nowMs);
    case "record":
    case "finishWave":
    case "interrupt":
      return endWave(machine, event, nowMs);
  }
}

/** What a forward drive is to do next: the rest of the current wave, or nothing once it no longer drives. */
export function nextWave(machine: Machine, drive: string): Wave | undefined {
  const { rollout, forward } = machine;
  if (rollout?.state !== "in_progress" || forward?.invocationId !== drive) return undefined;
  return {
    number: rollout.currentWave + 1,
    of: rollout.waves.length,
    image: rollout.image,
    ids: remaining(rollout),
  };
}

function begin(machine: Machine, event: Event & { type: "begin" }, nowMs: number): Outcome {
  assertLegal("Rollout", machine.rollout);
  const rollout: RolloutState = {
    rolloutId: event.rolloutId,
    state: "in_progress",
    image: event.image,
    previousImages: event.previousImages,
    wavePercentages: event.wavePercentages,
    waves: event.waves,
    currentWave: 0,
    succeededIds: [],
    failedIds: [],
    failureReasons: {},
    skippedIds: [],
    skipReasons: {},
    revertedIds: [],
    totalSentinels: event.waves.reduce((sum, wave) => sum + wave.length, 0),
    startedAtMs: nowMs,
    waveStartedAtMs: nowMs,
    pauseReason: "",
  };
  const progress = progressOf(rollout, nowMs);
  return driven(
    { rollout, forward: { ...event.drive, startedAtMs: nowMs, firstWave: 0 }, rollback: undefined },
    [
      { kind: "started", progress, waveSizes: event.waves.map((wave) => wave.length) },
      { kind: "wave started", progress },
    ],
  );
}

function resume(machine: Machine, drive: NewDrive, nowMs: number): Outcome {
  const rollout: RolloutState = {
    ...assertLegal("Resume", machine.rollout),
    state: "in_progress",
    pauseReason: "",
  };
  const forward = { ...drive, startedAtMs: nowMs, firstWave: rollout.currentWave };
  const left = remaining(rollout).length;
  const resumed: PhaseChange = { kind: "resumed", progress: progressOf(rollout, nowMs), remaining: left };
  // An interrupted wave is finished first: no sentinel is ever skipped silently.
  if (left > 0) return driven({ ...machine, rollout, forward }, [resumed]);
  const next = advance(rollout, nowMs);
  if (next.rollout.state === "completed") {
    return quiet({ ...machine, rollout: next.rollout }, [resumed, ...next.changes]);
  }
  const { currentWave: firstWave } = next.rollout;
  return driven({ ...machine, rollout: next.rollout, forward: { ...forward, firstWave } }, [
    resumed,
    ...next.changes,
  ]);
}

function cancel(machine: Machine, nowMs: number): Outcome {
  const before = assertLegal("Cancel", machine.rollout);
  const rollout: RolloutState = { ...before, state: "cancelled", pauseReason: "" };
  return {
    ...quiet({ ...machine, rollout }, [{ kind: "cancelled", progress: progressOf(rollout, nowMs) }]),
    wake: machine.forward === undefined ? [] : [machine.forward.signal],
  };
}

type ForwardReport = {
  type: "record" | "finishWave" | "interrupt" | "abandon";
  drive: string;
  results: SentinelResult[];
  reason?: string;
};

function endWave(machine: Machine, report: ForwardReport, nowMs: number): Outcome {
  if (machine.rollout === undefined || machine.forward?.invocationId !== report.drive) {
    return { ...quiet(machine, []), accepted: false };
  }
  const rollout = withResults(machine.rollout, report.results);
  if (report.type === "record") return toldRollback({ ...machine, rollout });
  // After a cancel the drive has only let its Deploys settle; a rollback may be waiting for just that.
  if (rollout.state !== "in_progress") return toldRollback({ ...machine, rollout, forward: undefined });
  if (report.type !== "finishWave") return pause(machine, rollout, report.reason ?? "interrupted", nowMs);
  const failed = failedInWave(rollout);
  if (failed > 0) return pause(machine, rollout, waveFailure(rollout, failed), nowMs);
  const completedWave: PhaseChange = { kind: "wave completed", progress: progressOf(rollout, nowMs) };
  const next = advance(rollout, nowMs);
  const forward = next.rollout.state === "completed" ? undefined : machine.forward;
  return quiet({ ...machine, rollout: next.rollout, forward }, [completedWave, ...next.changes]);
}

function advance(rollout: RolloutState, nowMs: number): { rollout: RolloutState; changes: PhaseChange[] } {
  if (rollout.currentWave + 1 >= rollout.waves.length) {
    const completed: RolloutState = { ...rollout, state: "completed" };
    const failures = failuresOf(completed, FAILURES_IN_A_MESSAGE);
    return {
      rollout: completed,
      changes: [{ kind: "completed", progress: progressOf(completed, nowMs), failures }],
    };
  }
  const next: RolloutState = { ...rollout, currentWave: rollout.currentWave + 1, waveStartedAtMs: nowMs };
  return { rollout: next, changes: [{ kind: "wave started", progress: progressOf(next, nowMs) }] };
}

function pause(machine: Machine, before: RolloutState, reason: string, nowMs: number): Outcome {
  const rollout: RolloutState = { ...before, state: "paused", pauseReason: reason };
  const failures = failuresOf(rollout, FAILURES_IN_A_MESSAGE);
  return quiet({ ...machine, rollout, forward: undefined }, [
    { kind: "paused", progress: progressOf(rollout, nowMs), reason, failures },
  ]);
}

function waveFailure(rollout: RolloutState, failed: number): string {
  const { wave, waves, waveSize } = progressOf(rollout, rollout.waveStartedAtMs);
  return `wave ${wave}/${waves}: ${failed} of ${plural(waveSize, "sentinel")} failed`;
}

/** Adds what is new; a result that is already there stays as it was first reported. */
function withResults(rollout: RolloutState, results: readonly SentinelResult[]): RolloutState {
  if (results.length === 0) return rollout;
  const known = new Set([...rollout.succeededIds, ...rollout.failedIds, ...rollout.skippedIds]);
  const fresh = results.filter((result) => !known.has(result.id));
  const skipped = fresh.filter((result) => result.skipped !== undefined);
  const attempted = fresh.filter((result) => result.skipped === undefined);
  const failed = attempted.filter((result) => result.failure !== undefined);
  const succeeded = attempted.filter((result) => result.failure === undefined);
  return {
    ...rollout,
    succeededIds: [...rollout.succeededIds, ...succeeded.map((result) => result.id)],
    failedIds: [...rollout.failedIds, ...failed.map((result) => result.id)],
    failureReasons: {
      ...rollout.failureReasons,
      ...Object.fromEntries(failed.map((result) => [result.id, result.failure ?? ""])),
    },
    skippedIds: [...rollout.skippedIds, ...skipped.map((result) => result.id)],
    skipReasons: {
      ...rollout.skipReasons,
      ...Object.fromEntries(skipped.map((result) => [result.id, result.skipped ?? ""])),
    },
  };
}

function quiet(machine: Machine, changes: PhaseChange[]): Outcome {
  return { machine, changes, wake: [], accepted: true };
}

function driven(machine: Machine, changes: PhaseChange[]): Outcome {
  const watch = machine.forward?.invocationId;
  return { ...quiet(machine, changes), ...(watch === undefined ? {} : { watch }) };
}

function toldRollback(machine: Machine): Outcome {
  return { ...quiet(machine, []), wake: machine.rollback === undefined ? [] : [machine.rollback.signal] };
}
