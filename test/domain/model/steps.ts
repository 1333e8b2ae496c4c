import { LEGAL } from "../../../src/domain/legality.ts";
import { apply, type Outcome } from "../../../src/domain/rollout.ts";
import type { Event, NewDrive, Operation } from "../../../src/domain/state.ts";
import { openedForward, signalOf, stepsOfForward } from "./forward-driver.ts";
import { openedRollback, signalAfter, stepsOfRollback } from "./rollback-driver.ts";
import { type Bounded, type Driver, type DriverStep, NOW, type Step, type World } from "./world.ts";

/** A system before its first rollout. */
export function initialWorld(waves: string[][], left: World["left"]): World {
  const machine = { rollout: undefined, forward: undefined, rollback: undefined };
  const rows = Object.fromEntries(waves.flat().map((id) => [id, "v1"]));
  return { machine, drivers: [], rows, left, drives: 0 };
}

/** Everything that can happen next. */
export function stepsOf(world: World, waves: string[][]): Step[] {
  return [...systemSteps(world), ...operatorSteps(world, waves), ...faultSteps(world)];
}

/** What goes on by itself: the drivers, their Deploys, and the watchdog of a driver that is gone. */
function systemSteps(world: World): Step[] {
  const { machine, drivers } = world;
  const steps = drivers.flatMap((driver) =>
    (driver.kind === "forward" ? stepsOfForward(world, driver) : stepsOfRollback(world, driver)).map((step) =>
      afterDriver(world, driver, step),
    ),
  );
  for (const drive of [machine.forward, machine.rollback]) {
    if (drive === undefined || drivers.some(({ id }) => id === drive.invocationId)) continue;
    const outcome = apply(machine, { type: "abandon", drive: drive.invocationId, reason: "killed" }, NOW);
    steps.push({
      name: `watchdog of ${drive.invocationId}`,
      by: "system",
      outcome,
      to: told(world, outcome),
    });
  }
  return steps;
}

function afterDriver(
  world: World,
  driver: Driver,
  { name, outcome, driver: after, rows, spends }: DriverStep,
): Step {
  const drivers = world.drivers.flatMap((other) => (other === driver ? (after ?? []) : other));
  const moved: World = {
    ...(spends === undefined ? world : spent(world, spends)),
    drivers,
    ...(rows === undefined ? {} : { rows }),
  };
  const step = { name: `${driver.id}: ${name}`, by: "system" } as const;
  return outcome === undefined ? { ...step, to: moved } : { ...step, outcome, to: told(moved, outcome) };
}

function operatorSteps(world: World, waves: string[][]): Step[] {
  const legal = LEGAL[world.machine.rollout?.state ?? "idle"];
  return legal.flatMap((operation): Step[] => {
    if (operation !== "Cancel" && world.left[operation] === 0) return [];
    const id = `drive ${world.drives + 1}`;
    const outcome = apply(world.machine, eventOf(operation, id, waves), NOW);
    const after = told(world, outcome);
    if (operation === "Cancel") return [{ name: operation, by: "operator", outcome, to: after }];
    const opened =
      operation === "RollbackAll"
        ? openedRollback(outcome.machine, id, world.rows)
        : openedForward(outcome.machine, id);
    const drivers = opened === undefined ? after.drivers : [...after.drivers, opened];
    const to = { ...spent(after, operation), drivers, drives: world.drives + 1 };
    return [{ name: operation, by: "operator", outcome, to }];
  });
}

/** The event of an operator's verb; the second rollout has another image than the first. */
export function eventOf(operation: Operation, id: string, waves: string[][]): Event {
  const drive: NewDrive = { invocationId: id, signal: signalOf(id) };
  switch (operation) {
    case "Rollout": {
      const previousImages = Object.fromEntries(waves.flat().map((sentinel) => [sentinel, "v1"]));
      const rolloutId = `rollout of ${id}`;
      return {
        type: "begin",
        drive,
        rolloutId,
        image: `image of ${id}`,
        wavePercentages: [100],
        waves,
        previousImages,
      };
    }
    case "Resume":
      return { type: "resume", drive };
    case "Cancel":
      return { type: "cancel" };
    case "RollbackAll":
      return { type: "beginRollback", drive: { ...drive, signal: signalAfter(id, "") } };
  }
}

/** A driver is killed together with its calls, or its invocation is cancelled and its calls are left to finish. */
function faultSteps(world: World): Step[] {
  return world.drivers.flatMap((driver): Step[] => {
    const others = (instead: Driver[]) =>
      world.drivers.flatMap((other) => (other === driver ? instead : other));
    const steps: Step[] = [];
    if (world.left.kill > 0) {
      const to = { ...spent(world, "kill"), drivers: others([]) };
      steps.push({ name: `${driver.id} is killed`, by: "fault", to });
    }
    if (world.left.interrupt > 0 && !driver.cancelled) {
      const to = { ...spent(world, "interrupt"), drivers: others([{ ...driver, cancelled: true }]) };
      steps.push({ name: `${driver.id} is cancelled`, by: "fault", to });
    }
    return steps;
  });
}

function told(world: World, { machine, wake }: Outcome): World {
  if (wake.length === 0) return { ...world, machine };
  const drivers = world.drivers.map((driver): Driver => {
    const signal = driver.kind === "forward" ? signalOf(driver.id) : driver.signal;
    return wake.includes(signal) ? { ...driver, signalled: true } : driver;
  });
  return { ...world, machine, drivers };
}

function spent(world: World, what: Bounded): World {
  return { ...world, left: { ...world.left, [what]: world.left[what] - 1 } };
}
