import type { Outcome } from "../../../src/domain/rollout.ts";
import type { Machine } from "../../../src/domain/state.ts";
import type { ForwardDriver } from "./forward-driver.ts";
import type { RollbackDriver } from "./rollback-driver.ts";

/**
 * Everything that matters of a running system, as one immutable value: the stored machine, the invocations that drive
 * it with their Deploys in flight, and the images in the rows.
 */
export interface World {
  machine: Machine;
  drivers: readonly Driver[];
  /** Image in each row that was asked for last. */
  rows: Readonly<Record<string, string>>;
  /** How much more of each may happen; what is not in it is unlimited. */
  left: Readonly<Record<Bounded, number>>;
  /** Drives so far: their ids are numbered. */
  drives: number;
}

export type Driver = ForwardDriver | RollbackDriver;

/** What would make the exploration endless. `kill` ends an invocation with its calls, `interrupt` cancels it, `skip` archives a sentinel. */
export type Bounded = "Rollout" | "Resume" | "RollbackAll" | "kill" | "interrupt" | "skip";

/** One thing that can happen to a world. */
export interface Step {
  name: string;
  /** What ends by itself (drivers, Deploys, the watchdog) as against what operators and faults do. */
  by: "system" | "operator" | "fault";
  to: World;
  /** What the machine made of it, where it was told. */
  outcome?: Outcome;
}

/** A step of one driver; without a driver after it: it has ended. */
export interface DriverStep {
  name: string;
  driver?: Driver;
  outcome?: Outcome;
  rows?: World["rows"];
  /** A bounded thing that this step was. */
  spends?: Bounded;
}

/** Time stands still: nothing that the machine decides depends on it. */
export const NOW = 1_000;

/** One text for worlds that behave alike: the order in which results came in changes only how they are listed. */
export function keyOf({ machine, drivers, rows, left, drives }: World): string {
  const { rollout, forward, rollback } = machine;
  const state =
    rollout === undefined
      ? ""
      : [
          rollout.rolloutId,
          rollout.state,
          rollout.currentWave,
          rollout.pauseReason,
          sorted(rollout.succeededIds),
          sorted(rollout.failedIds),
          sorted(rollout.skippedIds),
          sorted(rollout.revertedIds),
        ].join();
  const drives_ = [forward?.invocationId, forward?.signal, rollback?.invocationId, rollback?.signal, drives];
  return [
    state,
    drives_.join(),
    drivers.map(keyOfDriver).join("+"),
    Object.values(rows).join(),
    Object.values(left).join(),
  ].join("|");
}

function keyOfDriver(driver: Driver): string {
  const common = [driver.id, driver.signalled, driver.cancelled, sorted(driver.inFlight)];
  if (driver.kind === "forward") {
    const results = driver.results.map(
      ({ id, failure, skipped }) =>
        `${failure === undefined ? "" : "-"}${skipped === undefined ? "" : "~"}${id}`,
    );
    return [...common, driver.waiting.join(), sorted(results), driver.stopped].join("/");
  }
  return [
    ...common,
    driver.waiting.map(({ id }) => id).join(),
    sorted(driver.unrecorded),
    sorted(driver.seen),
    driver.signal,
    driver.interrupted,
    driver.settled,
    driver.launched,
    driver.reverted,
    driver.targets,
  ].join("/");
}

function sorted(ids: readonly string[]): string {
  return [...ids].sort().join();
}
