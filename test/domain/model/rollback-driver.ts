import { type RollbackTarget, rollbackScope } from "../../../src/domain/rollback.ts";
import { apply } from "../../../src/domain/rollout.ts";
import type { Machine } from "../../../src/domain/state.ts";
import { type DriverStep, NOW, type World } from "./world.ts";

/** What an invocation of `RollbackAll` has in hand between two of its steps. */
export interface RollbackDriver {
  kind: "rollback";
  id: string;
  signal: string;
  /** Its present signal was resolved: results came in late. */
  signalled: boolean;
  /** Its own invocation was cancelled, and whether it has seen that. */
  cancelled: boolean;
  interrupted: boolean;
  waiting: readonly RollbackTarget[];
  inFlight: readonly string[];
  /** Reverted, but not recorded yet. */
  unrecorded: readonly string[];
  seen: readonly string[];
  /** Nothing more follows after this scope. */
  settled: boolean;
  /** There was something in this scope. */
  launched: boolean;
  reverted: number;
  targets: number;
}

/** Two names in turn: a drive never waits for the signal before the last one. */
export function signalAfter(drive: string, signal: string): string {
  return signal === `late results for ${drive}` ? `more for ${drive}` : `late results for ${drive}`;
}

export function openedRollback(machine: Machine, id: string, rows: World["rows"]): RollbackDriver {
  const none = { interrupted: false, waiting: [], inFlight: [], unrecorded: [], seen: [] };
  const counts = { reverted: 0, targets: 0 };
  const driver = {
    kind: "rollback",
    id,
    signal: signalAfter(id, ""),
    cancelled: false,
    ...none,
    ...counts,
  } as const;
  return looked(machine, { ...driver, signalled: false, settled: true, launched: false }, rows);
}

export function stepsOfRollback({ machine, rows }: World, driver: RollbackDriver): DriverStep[] {
  const steps: DriverStep[] = [];
  const [next, ...waiting] = driver.waiting;
  if (next !== undefined && !driver.interrupted) {
    steps.push({
      name: `revert ${next.id}`,
      driver: { ...driver, waiting, inFlight: [...driver.inFlight, next.id] },
      rows: { ...rows, [next.id]: next.image },
    });
  }
  for (const id of driver.inFlight) {
    const settled = { ...driver, inFlight: driver.inFlight.filter((other) => other !== id) };
    const { reverted, unrecorded } = driver;
    const ready = { ...settled, reverted: reverted + 1, unrecorded: [...unrecorded, id] };
    steps.push({ name: `${id} is back`, driver: ready });
    steps.push({ name: `${id} is not back`, driver: settled });
  }
  if (driver.unrecorded.length > 0) steps.push(recorded(machine, driver));
  const busy = driver.inFlight.length > 0 || (next !== undefined && !driver.interrupted);
  if (driver.cancelled && !driver.interrupted && driver.inFlight.length > 0) {
    steps.push({ name: "see cancellation", driver: { ...driver, interrupted: true } });
  }
  if (!busy) steps.push(...afterScope(machine, driver, rows));
  return steps;
}

/** All of its scope have settled: it ends, looks again, or waits for late results. */
function afterScope(machine: Machine, driver: RollbackDriver, rows: World["rows"]): DriverStep[] {
  if (driver.settled || driver.interrupted) return [finished(machine, driver)];
  if (driver.launched || driver.signalled) return [listening(machine, driver, rows)];
  return driver.cancelled ? [finished(machine, { ...driver, interrupted: true })] : [];
}

function recorded(machine: Machine, driver: RollbackDriver): DriverStep {
  const outcome = apply(
    machine,
    { type: "recordReverted", drive: driver.id, ids: [...driver.unrecorded] },
    NOW,
  );
  return { name: "record", outcome, driver: { ...driver, unrecorded: [] } };
}

function finished(machine: Machine, { id, unrecorded, ...driver }: RollbackDriver): DriverStep {
  const { reverted, targets, interrupted } = driver;
  const outcome = apply(
    machine,
    {
      type: "finishRollback",
      drive: id,
      ids: [...unrecorded],
      reverted,
      targets,
      failures: [],
      ...(interrupted ? { interruption: "interrupted" } : {}),
    },
    NOW,
  );
  return { name: "finishRollback", outcome };
}

function listening(machine: Machine, driver: RollbackDriver, rows: World["rows"]): DriverStep {
  const signal = signalAfter(driver.id, driver.signal);
  const outcome = apply(machine, { type: "listen", drive: driver.id, signal }, NOW);
  const listened = looked(outcome.machine, { ...driver, signal, signalled: false }, rows);
  return { name: "listen", outcome, driver: listened };
}

/** Takes from the present scope what it has not seen; of those without a result the ones whose row took the image. */
function looked(machine: Machine, driver: RollbackDriver, rows: World["rows"]): RollbackDriver {
  const scope = rollbackScope(machine, driver.id);
  if (scope === undefined) return { ...driver, settled: true, launched: false };
  const fresh = (targets: RollbackTarget[]) => targets.filter(({ id }) => !driver.seen.includes(id));
  const took = fresh(scope.unrecorded).filter(({ id }) => rows[id] === scope.image);
  const waiting = [...took, ...fresh(scope.recorded)];
  return {
    ...driver,
    waiting,
    seen: [...driver.seen, ...waiting.map(({ id }) => id)],
    targets: driver.targets + waiting.length,
    settled: scope.settled,
    launched: waiting.length > 0,
  };
}
