import type { Drive } from "../../../src/domain/drive-state.ts";
import type { Event } from "../../../src/domain/event.ts";
import { GuardError } from "../../../src/domain/guard.ts";
import { IllegalOperationError } from "../../../src/domain/legality.ts";
import { lanesOf } from "../../../src/domain/progress.ts";
import type { RolloutState } from "../../../src/domain/state.ts";
import { change, cutShort, momentOf } from "./change.ts";
import { holds } from "./holds.ts";
import { entriesOf } from "./recorded.ts";
import { type Draft, draftOf, newShell, openedDrive, own } from "./shell.ts";
import { NO_SOAK } from "./soaking.ts";
import { driveOf, headOf, spent } from "./steps.ts";
import type { Soaking, Step, System, World } from "./world.ts";

/** So much of a soak (ms) passes at a time. */
const SOME_MS = 1_000;

/** What passes, breaks, and is told where a rollout soaks. */
export function soakSteps(world: World, system: System): Step[] {
  const rollout = headOf(world);
  if (rollout === undefined || world.soaking === NO_SOAK) return [];
  return [
    ...timeSteps(world, system, rollout),
    ...endings(world, system),
    ...(isUnderWay(rollout) ? [...breaks(world, system, rollout), ...news(world, system, rollout)] : []),
    ...rollbacks(world, system),
  ];
}

function isUnderWay({ state }: RolloutState): boolean {
  return state === "in_progress" || state === "paused";
}

function having(world: World, change: Partial<Soaking>): World {
  return { ...world, soaking: { ...world.soaking, ...change } };
}

/** Time passes while the rollout soaks; the message that ends it comes then, or at any later moment. */
function timeSteps(world: World, system: System, rollout: RolloutState): Step[] {
  const { passedMs, ofWaveMs, timers, ending } = world.soaking;
  const { soakUntilMs } = rollout;
  const nowMs = momentOf(world);
  const steps: Step[] = [];
  if (soakUntilMs !== undefined && nowMs < soakUntilMs) {
    const passed = { passedMs: passedMs + SOME_MS, ofWaveMs: ofWaveMs + SOME_MS };
    steps.push({ name: "some of the soak passes", by: "system", to: having(world, passed) });
  }
  // The watchdog sends another one for one that was lost.
  const overdue = soakUntilMs !== undefined && soakUntilMs <= nowMs && !ending.includes(soakUntilMs);
  const due = new Set([...timers.filter((untilMs) => untilMs <= nowMs), ...(overdue ? [soakUntilMs] : [])]);
  for (const untilMs of due) {
    const after = having(world, { timers: timers.filter((each) => each !== untilMs) });
    if (untilMs !== soakUntilMs)
      steps.push({ name: "the end of another soak comes", by: "system", to: after });
    else steps.push(...looks(after, system, untilMs));
  }
  return steps;
}

/** Whoever ends a soak looks at all that took the image. */
function looks(world: World, system: System, untilMs: number): Step[] {
  const { broken, ending } = world.soaking;
  const name = "the end of the soak comes, and all are looked at";
  const after = having(world, { ending: [...ending, untilMs] });
  if (broken.length === 0) return [{ name, by: "system", to: after }];
  const event = healthOf(world, broken, []);
  return [changed(after, system, name, event), ...torn(world, system, name, event)];
}

function endings(world: World, system: System): Step[] {
  const { ending } = world.soaking;
  return ending.flatMap((untilMs) => {
    const after = having(world, { ending: ending.filter((each) => each !== untilMs) });
    const event: Event = { type: "soakEnds", rolloutId: headOf(world)?.rolloutId ?? "", untilMs };
    return [changed(after, system, "the soak ends", event), ...torn(after, system, "the soak ends", event)];
  });
}

/** Who took the image breaks, or recovers. */
function breaks(world: World, _: System, { image }: RolloutState): Step[] {
  const { broken } = world.soaking;
  return Object.entries(world.rows).flatMap(([id, row]): Step[] => {
    if (broken.includes(id)) {
      if (world.left.recover === 0) return [];
      const to = having(spent(world, "recover"), { broken: broken.filter((each) => each !== id) });
      return [{ name: `${id} recovers`, by: "fault", to }];
    }
    const serves = row.image === image && row.is === "ready";
    if (world.left.regress === 0 || !serves || world.deploys.some((deploy) => deploy.id === id)) return [];
    const to = having(spent(world, "regress"), { broken: [...broken, id].sort() });
    return [{ name: `${id} breaks after it came up`, by: "fault", to }];
  });
}

/** The one that watches tells what is new; its message may be killed, or come once more. */
function news(world: World, system: System, _: RolloutState): Step[] {
  const { broken, told } = world.soaking;
  const regressed = broken.filter((id) => !told.includes(id));
  const recovered = told.filter((id) => !broken.includes(id));
  const steps: Step[] = [];
  if (regressed.length + recovered.length > 0) {
    const event = healthOf(world, regressed, recovered);
    const after = having(world, { told: broken });
    steps.push(changed(after, system, "the health is told", event));
    steps.push(...torn(after, system, "the health is told", event));
  }
  if (world.left.hint > 0 && told.length > 0) {
    const event = healthOf(world, told, []);
    steps.push({ ...changed(spent(world, "hint"), system, "it is told once more", event), by: "fault" });
  }
  return steps;
}

function healthOf(world: World, broken: readonly string[], recovered: readonly string[]): Event {
  const nobody = { total: 0, unhealthy: 0 };
  return {
    type: "health",
    rolloutId: headOf(world)?.rolloutId ?? "",
    regressed: broken.map((id) => ({ id, sinceMs: 0, why: "it crashes" })),
    recovered: [...recovered],
    health: { updated: nobody, notUpdated: nobody, regions: {}, unseen: [] },
  };
}

/** A pause goes on to a rollback by itself, as late as it likes. */
function rollbacks(world: World, system: System): Step[] {
  const { rollbacks: all } = world.soaking;
  return all.flatMap((message): Step[] => {
    const { rolloutId, pausedMs } = message;
    const after = having(world, { rollbacks: all.filter((each) => each !== message) });
    const invocationId = `drive ${world.drives + 1}`;
    const event: Event = {
      ...{ type: "beginRollback", invocationId, silent: [], ofPause: pausedMs },
      seen: { rolloutId },
    };
    const name = "it rolls back by itself";
    const lost: Step[] =
      world.left.kill > 0 ? [{ name: `${name}: killed`, by: "fault", to: spent(after, "kill") }] : [];
    const draft = draftOf({ ...after, drives: world.drives + 1 }, system);
    draft.shells = [...draft.shells, newShell(invocationId, "rollback")];
    try {
      const outcome = change(draft, event);
      openedDrive(draft, own(draft, invocationId), outcome.answer);
      const whole: Step = { name, by: "system", to: draft, event, outcome };
      const cuts = torn({ ...after, drives: world.drives + 1 }, system, name, event);
      return [whole, ...cuts, ...lost];
    } catch (error) {
      if (!(error instanceof IllegalOperationError) && !(error instanceof GuardError)) throw error;
      return [{ name: `${name}: refused`, by: "system", to: after }, ...lost];
    }
  });
}

function changed(world: World, system: System, name: string, event: Event): Step {
  const draft: Draft = draftOf(world, system);
  const outcome = change(draft, event);
  return { name, by: "system", to: draft, event, outcome };
}

function torn(world: World, system: System, name: string, event: Event): Step[] {
  if (world.left.torn === 0) return [];
  return cutShort(world, system, event).map((cut, i): Step => {
    const to = { ...spent(world, "torn"), ...cut };
    return { name: `${name}, killed after ${i + 1} writes`, by: "fault", to, event, torn: true };
  });
}

/** What passed of a soak and what is left of it are all of it: it is never lost, begun anew, or made shorter. */
export function aSoakIsKept(world: World, rollout: RolloutState): void {
  if (world.soaking === NO_SOAK) return;
  const { soakUntilMs, soakLeftMs, state, currentWave, limits } = rollout;
  const { ofWaveMs } = world.soaking;
  const all = (limits?.soakSeconds?.[currentWave] ?? 0) * 1_000;
  holds(soakUntilMs === undefined || soakLeftMs === undefined, "a soak runs, or is interrupted");
  holds(soakUntilMs === undefined || state === "in_progress", "what soaks is in progress");
  holds(isUnderWay(rollout) || (soakUntilMs ?? soakLeftMs) === undefined, "nothing else has a soak");
  if (!isUnderWay(rollout)) return;
  const left = soakUntilMs === undefined ? soakLeftMs : soakUntilMs - momentOf(world);
  holds(left !== undefined || ofWaveMs === 0, `a soak of which ${ofWaveMs} ms have passed is lost`);
  holds(
    left === undefined || left + ofWaveMs === all,
    `${left} ms are left of a soak: ${ofWaveMs} have passed`,
  );
}

/** No wave begins, and nothing is completed, before all of the soak has passed. */
export function aSoakIsWaitedFor(from: World, { to, name, event }: Step): void {
  const [before, after] = [headOf(from), headOf(to)];
  if (from.soaking === NO_SOAK || before === undefined || before.rolloutId !== after?.rolloutId) return;
  if (
    after.currentWave === before.currentWave &&
    (after.state !== "completed" || before.state === "completed")
  )
    return;
  const all = (before.limits?.soakSeconds?.[before.currentWave] ?? 0) * 1_000;
  holds(from.soaking.ofWaveMs === all, `${name}: ${from.soaking.ofWaveMs} of ${all} ms have passed`);
  // Whoever resumes acknowledges them.
  if (event?.type === "resume" || event?.type === "retryFailed") return;
  holds(from.soaking.noted.length <= mostOf(before), `${name} though ${from.soaking.noted} regressed`);
}

function mostOf({ limits }: RolloutState): number {
  return Number(limits?.maxRegressions ?? 0);
}

/** More were noted than may: nothing is granted, until somebody goes on; and fewer pause nothing. */
export function aRegressionIsAFence(from: World, { to, outcome, event, name }: Step, { left }: System): void {
  const [before, after] = [headOf(from), headOf(to)];
  if (from.soaking === NO_SOAK || before === undefined || after === undefined) return;
  if (before.rolloutId !== after.rolloutId || outcome === undefined) return;
  const goesOn = event?.type === "resume" || event?.type === "retryFailed";
  const { noted } = to.soaking;
  const over = noted.length > mostOf(after);
  const grants = (drive: Drive | undefined) =>
    lanesOf(drive, "forward").reduce((sum, lane) => sum + lane.grants, 0);
  holds(
    !over || goesOn || grants(driveOf(to)) <= grants(driveOf(from)),
    `${name} grants though ${noted} regressed`,
  );
  const { forward } = driveOf(to) ?? {};
  if (after.state === "in_progress" && !goesOn && event?.type === "health") {
    holds(
      !over || forward === undefined || forward.stopping !== undefined,
      `${name}: ${noted} regressed, and nothing stops it`,
    );
  }
  const pauses = before.state === "in_progress" && after.state === "paused";
  const found = after.regressions?.found ?? 0;
  const isWhole = from.left.torn === (left.torn ?? 0);
  holds(isWhole ? found === noted.length : found >= noted.length, `${name} counts ${found}: ${noted}`);
  if (event?.type === "health") isNoted(to, event, name);
  if (pauses && after.pauseKind === "regression") holds(found > mostOf(after), `${name} pauses for nothing`);
}

/** Whoever is said to have broken is known to be broken from then on, and whoever has recovered is not. */
function isNoted(to: World, { regressed, recovered }: Event & { type: "health" }, name: string): void {
  const known = new Map(entriesOf(to).map((entry) => [entry.id, entry]));
  for (const { id } of regressed) {
    const { is, regressed: noted } = known.get(id) ?? {};
    holds(is !== "succeeded" || (noted !== undefined && !noted.recovered), `${name}: ${id} is noted`);
  }
  for (const id of recovered) {
    const { regressed: noted } = known.get(id) ?? {};
    holds(noted === undefined || noted.recovered, `${name}: ${id} has recovered`);
  }
}

/** It follows what went wrong by itself, and never what somebody has resumed since. */
export function aRollbackByItselfIsOfItsPause(
  from: World,
  { to, event, outcome, name }: Step,
  { left }: System,
): void {
  const head = headOf(from);
  if (outcome?.rollsBack !== undefined) {
    const kind = headOf(to)?.pauseKind ?? "";
    holds(
      ["failure", "budget", "regression"].includes(kind),
      `${name}: a pause (${kind}) rolls back by itself`,
    );
    holds(driveOf(from)?.forward?.retries === undefined, `${name}: a retry rolls back by itself`);
  }
  if (event?.type !== "beginRollback" || event.ofPause === undefined || outcome === undefined) return;
  const message = from.soaking.rollbacks.find(({ pausedMs }) => pausedMs === event.ofPause);
  holds(head?.state === "paused", `${name} while it is ${head?.state}`);
  // A Resume that was killed was answered with an error, and may have changed nothing.
  const overtaken = message?.drives !== from.drives && from.left.torn === (left.torn ?? 0);
  holds(!overtaken, `${name}, and somebody has gone on since that pause, or paused it`);
}
