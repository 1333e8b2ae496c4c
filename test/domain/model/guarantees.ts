import { apply } from "../../../src/domain/rollout.ts";
import type { Event, RolloutState } from "../../../src/domain/state.ts";
import type { Checks } from "./explore.ts";
import type { ForwardDriver } from "./forward-driver.ts";
import { everyOutcomeIsKept } from "./history-guarantee.ts";
import type { RollbackDriver } from "./rollback-driver.ts";
import { NOW, type Step, type World } from "./world.ts";

/** What holds in every world, whatever happened and in whatever order. */
export const guarantees: Checks = {
  state(world, next) {
    const { rollout } = world.machine;
    lateReportsChangeNothing(world);
    comesToRest(world, next);
    if (rollout === undefined) return;
    bookkeeping(rollout);
    for (const driver of world.drivers) {
      if (driver.kind === "forward") oneWaveAtATime(world, rollout, driver);
      else revertsOnlyWhatTookTheImage(world, rollout, driver);
    }
  },
  step(from, step) {
    everyPhaseChangeIsTold(from, step);
    everyOutcomeIsKept(from, step);
    whoBeginsIsWatched(from, step);
    whomItConcernsIsWoken(from, step);
    noWaveFollowsAFailureByItself(from, step);
    nothingButAFailurePausesAWave(step);
  },
};

/** Each planned sentinel has at most one result, waves follow one another, and the numbers add up. */
function bookkeeping(rollout: RolloutState): void {
  const { succeededIds, failedIds, skippedIds, revertedIds, waves, currentWave, state } = rollout;
  const results = [...succeededIds, ...failedIds, ...skippedIds];
  const recorded = new Set(results);
  holds(recorded.size === results.length, "no sentinel has two results");
  holds(Object.keys(rollout.failureReasons).length === failedIds.length, "every failure has its reason");
  holds(Object.keys(rollout.skipReasons).length === skippedIds.length, "every skip has its reason");
  holds(rollout.totalSentinels === waves.flat().length, "the total is what was planned");
  const earlier = waves.slice(0, currentWave).flat();
  holds(
    earlier.every((id) => recorded.has(id)),
    "no sentinel of an earlier wave was forgotten",
  );
  const later = waves.slice(currentWave + 1).flat();
  holds(!later.some((id) => recorded.has(id)), "no sentinel of a later wave was deployed");
  holds(state !== "completed" || results.length === rollout.totalSentinels, "completed: all have a result");
  holds((state === "paused") === (rollout.pauseReason !== ""), "a pause, and nothing else, has its reason");
  holds(new Set(revertedIds).size === revertedIds.length, "nobody is reverted twice");
  const current = waves[currentWave] ?? [];
  holds(
    revertedIds.every((id) => succeededIds.includes(id) || (!recorded.has(id) && current.includes(id))),
    "reverted sentinels took the image, or their result was lost with an interrupted wave",
  );
}

/** There is one drive of a rollout, and what it launches is of the current wave and without a result. */
function oneWaveAtATime({ machine }: World, rollout: RolloutState, driver: ForwardDriver): void {
  if (machine.forward?.invocationId !== driver.id) {
    holds(rollout.rolloutId !== driver.rolloutId, "a rollout has one forward drive");
    return;
  }
  const hands = [...driver.waiting, ...driver.inFlight, ...driver.results.map(({ id }) => id)];
  const current = rollout.waves[rollout.currentWave] ?? [];
  holds(new Set(hands).size === hands.length, "nobody is deployed twice at a time");
  holds(
    hands.every((id) => current.includes(id)),
    "only the current wave is deployed",
  );
  const recorded = new Set([...rollout.succeededIds, ...rollout.failedIds, ...rollout.skippedIds]);
  holds(!hands.some((id) => recorded.has(id)), "who has a result is not deployed again");
  holds(driver.stopped !== undefined || hands.length > 0, "no wave is empty");
}

function revertsOnlyWhatTookTheImage(world: World, rollout: RolloutState, driver: RollbackDriver): void {
  const hands = [...driver.waiting.map(({ id }) => id), ...driver.inFlight];
  const settling = world.drivers.flatMap((other) =>
    other.kind === "forward" && other.rolloutId === rollout.rolloutId ? other.inFlight : [],
  );
  const out = [...rollout.failedIds, ...rollout.skippedIds];
  holds(!hands.some((id) => out.includes(id)), "failed and skipped sentinels are not reverted");
  holds(!hands.some((id) => settling.includes(id)), "who is still in flight is not reverted yet");
  holds(!hands.some((id) => rollout.revertedIds.includes(id)), "who was reverted is not reverted again");
  const { invocationId } = world.machine.rollback ?? {};
  holds(invocationId === driver.id && rollout.state === "rolling_back", "there is one rollback at a time");
}

/** When all that goes on by itself has ended, an operator can act: nobody waits for what never comes. */
function comesToRest({ machine, drivers }: World, next: readonly Step[]): void {
  const { rollout, forward, rollback } = machine;
  const phase = rollout?.state ?? "idle";
  holds((phase === "rolling_back") === (rollback !== undefined), "a rollback has a drive");
  holds(phase !== "in_progress" || forward !== undefined, "a rollout in progress has a drive");
  const over = phase === "paused" || phase === "completed";
  holds(!over || forward === undefined, `a rollout that is ${phase} has no drive`);
  if (next.some(({ by }) => by === "system")) return;
  holds(phase !== "in_progress" && phase !== "rolling_back", `nothing goes on, and it is ${phase}`);
  holds(drivers.length === 0 && forward === undefined, "nobody is left waiting");
}

/** The reports of every drive but the present ones are refused, and leave the very same machine. */
function lateReportsChangeNothing({ machine, drives }: World): void {
  const [sentinel = "a"] = machine.rollout?.waves.flat() ?? [];
  for (let n = 1; n <= drives; n++) {
    const drive = `drive ${n}`;
    const results = [{ id: sentinel }];
    const events: Event[] = [];
    if (machine.forward?.invocationId !== drive) {
      events.push({ type: "record", drive, results }, { type: "finishWave", drive, results });
      events.push({ type: "interrupt", drive, results, reason: "late" });
    }
    if (machine.rollback?.invocationId !== drive) {
      const numbers = { reverted: 1, targets: 1, failures: [] };
      events.push({ type: "recordReverted", drive, ids: [sentinel] });
      events.push({ type: "listen", drive, signal: "late" });
      events.push({ type: "finishRollback", drive, ids: [sentinel], ...numbers });
      if (events.length === 6) events.push({ type: "abandon", drive, reason: "late" });
    }
    for (const event of events) {
      const { accepted, changes, wake, machine: after } = apply(machine, event, NOW);
      const nothing = !accepted && changes.length === 0 && wake.length === 0 && after === machine;
      holds(nothing, `the late ${event.type} of ${drive} changes nothing`);
    }
  }
}

function whoBeginsIsWatched(from: World, { outcome, to, name }: Step): void {
  const begun = to.drivers.filter(({ id }) => !from.drivers.some((driver) => driver.id === id));
  const watch = outcome?.watch === undefined ? [] : [outcome.watch];
  holds(begun.map(({ id }) => id).join() === watch.join(), `the drive that begins with ${name} is watched`);
}

/** A drive hears of the Cancel, and a rollback of every report of the drive whose Deploys are still in flight. */
function whomItConcernsIsWoken(from: World, { outcome, to, name }: Step): void {
  if (outcome === undefined) return;
  const { forward, rollback } = from.machine;
  const settles = forward !== undefined && rollback !== undefined && name.startsWith(forward.invocationId);
  for (const { id, signalled } of to.drivers) {
    if (name === "Cancel" && id === forward?.invocationId) holds(signalled, "the drive hears of the Cancel");
    if (settles && id === rollback.invocationId) holds(signalled, "the rollback hears of what settles");
  }
}

function noWaveFollowsAFailureByItself({ machine }: World, { by, to }: Step): void {
  const [before, after] = [machine.rollout, to.machine.rollout];
  if (by !== "system" || before === undefined || after === undefined) return;
  const completed = before.state !== "completed" && after.state === "completed";
  if (after.currentWave === before.currentWave && !completed) return;
  const wave = before.waves[before.currentWave] ?? [];
  holds(!wave.some((id) => after.failedIds.includes(id)), "no wave follows a failed one by itself");
}

/** Sentinels that were archived in mid-rollout do not stop the fleet. */
function nothingButAFailurePausesAWave({ name, to, outcome }: Step): void {
  const { rollout } = to.machine;
  if (!name.endsWith("finishWave") || outcome?.accepted !== true || rollout?.state !== "paused") return;
  const wave = rollout.waves[rollout.currentWave] ?? [];
  holds(
    wave.some((id) => rollout.failedIds.includes(id)),
    "a wave without a failure does not pause",
  );
}

/** Slack hears of each phase change and of nothing else, in numbers that can be true. */
function everyPhaseChangeIsTold(from: World, { outcome, to, name }: Step): void {
  const [before, after] = [from.machine.rollout, to.machine.rollout];
  const changed =
    before?.rolloutId !== after?.rolloutId ||
    before?.state !== after?.state ||
    before?.currentWave !== after?.currentWave;
  const changes = outcome?.changes ?? [];
  holds(changed === changes.length > 0, `${name} is told when it changes the phase, and only then`);
  for (const change of changes) {
    const { succeeded, failed, skipped, total, wave, waves } = change.progress;
    holds(succeeded + failed + skipped <= total && wave >= 1 && wave <= waves, "the numbers can be true");
    if (change.kind !== "rollback completed") continue;
    holds(change.reverted >= 0 && change.reverted <= change.targets, "no more were reverted than there were");
    holds(change.failed === change.targets - change.reverted, "who was not reverted is counted");
    const complete = change.failed === 0 && change.interruption === undefined;
    if (complete && after !== undefined) nothingIsLeftOnTheImage(to, after);
  }
}

function nothingIsLeftOnTheImage({ rows }: World, rollout: RolloutState): void {
  const { succeededIds, revertedIds, failedIds, skippedIds, image } = rollout;
  holds(
    succeededIds.every((id) => revertedIds.includes(id)),
    "a complete rollback has reverted everyone",
  );
  const left = Object.keys(rows).filter(
    (id) => rows[id] === image && ![...failedIds, ...skippedIds].includes(id),
  );
  holds(left.length === 0, "a complete rollback leaves nobody but the failed and the skipped on the image");
}

function holds(guarantee: boolean, text: string): void {
  if (!guarantee) throw new Error(`does not hold: ${text}`);
}
