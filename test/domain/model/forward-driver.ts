import { apply, nextWave } from "../../../src/domain/rollout.ts";
import type { Event, Machine, SentinelResult } from "../../../src/domain/state.ts";
import { type DriverStep, NOW, type World } from "./world.ts";

/** What an invocation of `Rollout` or `Resume` has in hand between two of its steps. */
export interface ForwardDriver {
  kind: "forward";
  id: string;
  rolloutId: string;
  image: string;
  /** Of its wave, not launched yet. */
  waiting: readonly string[];
  inFlight: readonly string[];
  /** Not recorded yet. */
  results: readonly SentinelResult[];
  /** Its signal was resolved: somebody cancelled the rollout. */
  signalled: boolean;
  /** Its own invocation was cancelled. */
  cancelled: boolean;
  /** It has seen one of the two, and launches nothing more. */
  stopped: "cancelled" | "interrupted" | undefined;
}

export function signalOf(drive: string): string {
  return `signal of ${drive}`;
}

/** The driver after its opening; undefined when the opening left nothing to do. */
export function openedForward(machine: Machine, id: string): ForwardDriver | undefined {
  const wave = nextWave(machine, id);
  if (wave === undefined || machine.rollout === undefined) return undefined;
  return {
    kind: "forward",
    id,
    rolloutId: machine.rollout.rolloutId,
    image: wave.image,
    waiting: wave.ids,
    inFlight: [],
    results: [],
    signalled: false,
    cancelled: false,
    stopped: undefined,
  };
}

export function stepsOfForward({ machine, rows, left }: World, driver: ForwardDriver): DriverStep[] {
  const steps: DriverStep[] = [];
  const stopped = driver.stopped !== undefined;
  const [next, ...waiting] = driver.waiting;
  if (next !== undefined && !stopped) {
    steps.push({
      name: `launch ${next}`,
      driver: { ...driver, waiting, inFlight: [...driver.inFlight, next] },
      rows: { ...rows, [next]: driver.image },
    });
  }
  for (const id of driver.inFlight) {
    const inFlight = driver.inFlight.filter((other) => other !== id);
    for (const result of [{ id }, { id, failure: "did not come up" }]) {
      const name = result.failure === undefined ? `${id} is ready` : `${id} has failed`;
      steps.push({ name, driver: { ...driver, inFlight, results: [...driver.results, result] } });
    }
    if (left.skip > 0) {
      const results = [...driver.results, { id, skipped: "its desired state is archived" }];
      steps.push({ name: `${id} is archived`, driver: { ...driver, inFlight, results }, spends: "skip" });
    }
  }
  if (driver.inFlight.length > 0 && !stopped) {
    if (driver.signalled) steps.push({ name: "hear of Cancel", driver: { ...driver, stopped: "cancelled" } });
    if (driver.cancelled) {
      steps.push({ name: "see cancellation", driver: { ...driver, stopped: "interrupted" } });
    }
  }
  if (driver.inFlight.length > 0 && driver.results.length > 0) steps.push(recorded(machine, driver));
  if (driver.inFlight.length === 0 && (next === undefined || stopped)) {
    steps.push(finished(machine, driver));
  }
  return steps;
}

function recorded(machine: Machine, driver: ForwardDriver): DriverStep {
  const event: Event = { type: "record", drive: driver.id, results: [...driver.results] };
  const outcome = apply(machine, event, NOW);
  return { name: "record", outcome, driver: { ...driver, results: [] } };
}

function finished(machine: Machine, driver: ForwardDriver): DriverStep {
  const report = { drive: driver.id, results: [...driver.results] };
  const event: Event =
    driver.stopped === "interrupted"
      ? { type: "interrupt", ...report, reason: "interrupted" }
      : { type: "finishWave", ...report };
  const outcome = apply(machine, event, NOW);
  const wave = outcome.accepted ? nextWave(outcome.machine, driver.id) : undefined;
  if (wave === undefined) return { name: event.type, outcome };
  return { name: event.type, outcome, driver: { ...driver, waiting: wave.ids, results: [] } };
}
