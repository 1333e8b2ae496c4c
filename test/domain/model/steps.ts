import type { Drive } from "../../../src/domain/drive-state.ts";
import type { Event } from "../../../src/domain/event.ts";
import { isLegal, LEGAL } from "../../../src/domain/legality.ts";
import type { Operation, RolloutState, State } from "../../../src/domain/state.ts";
import { DRIVE_KEY, HEAD_KEY } from "../../../src/domain/state-keys.ts";
import { change, LATE, NOW } from "./change.ts";
import { faultSteps } from "./faults.ts";
import { timeSteps } from "./freezes.ts";
import { freezeSteps, operatorSteps } from "./operators.ts";
import { answered, ask, type Draft, draftOf, goOn, hear, own, send, startNext, writtenIn } from "./shell.ts";
import { NO_SOAK, WATCHED } from "./soaking.ts";
import { soakSteps } from "./soaks.ts";
import { watchdogSteps } from "./watchdog.ts";
import type { Bounded, Deploy, Shell, Step, System, World } from "./world.ts";

/** A system before its first rollout. */
export function initialWorld({ waves, left, limits }: System): World {
  const rows = Object.fromEntries(waves.flat(2).map((id) => [id, { image: "v1", is: "ready", ran: "v1" }]));
  const none = {
    ...{ Rollout: 0, Resume: 0, RollbackAll: 0, Pause: 0, Abort: 0, fail: 0, skip: 0, miss: 0, break: 0 },
    ...{ RetryFailed: 0, Freeze: 0, Unfreeze: 0, pass: 0, regress: 0, recover: 0, hint: 0 },
    ...{ kill: 0, killLane: 0, torn: 0, interrupt: 0, freeze: 0, thaw: 0, ask: 0 },
  };
  return {
    kv: new Map(),
    shells: [],
    deploys: [],
    rows: rows as World["rows"],
    left: { ...none, ...left },
    overrode: {},
    drives: 0,
    soaking: limits?.soakSeconds === undefined ? NO_SOAK : WATCHED,
  };
}

export function headOf({ kv }: Pick<World, "kv">): RolloutState | undefined {
  return kv.get(HEAD_KEY) as RolloutState | undefined;
}

/** The drive of the present rollout. */
export function driveOf(world: Pick<World, "kv">): Drive | undefined {
  const drive = world.kv.get(DRIVE_KEY) as Drive | undefined;
  return drive?.rolloutId === headOf(world)?.rolloutId ? drive : undefined;
}

/** Everything that can happen next. */
export function stepsOf(world: World, system: System): Step[] {
  return [
    ...world.shells.flatMap((shell) => (shell.call === undefined ? [] : callSteps(world, system, shell))),
    ...world.shells.flatMap((shell) => (waits(shell) ? shellSteps(world, system, shell) : [])),
    ...world.shells.flatMap((shell) => interruptSteps(world, system, shell)),
    ...deploySteps(world, system),
    ...breakSteps(world, system),
    ...watchdogSteps(world, system),
    ...operatorSteps(world, system, legalIn(headOf(world)?.state ?? "idle")),
    ...freezeSteps(world, system),
    ...timeSteps(world, system),
    ...soakSteps(world, system),
    ...faultSteps(world, system),
  ];
}

function legalIn(state: State): Operation[] {
  return [...new Set(Object.values(LEGAL).flat())].filter((operation) => isLegal(operation, state));
}

function waits({ call, frozen, interrupts }: Shell): boolean {
  return call === undefined && !frozen && interrupts === undefined;
}

/** A driver that is cancelled tells of it at once, whatever else waits for its turn. */
function interruptSteps(world: World, system: System, { id, cancelled, interrupts, frozen }: Shell): Step[] {
  const draft = draftOf(world, system);
  if (cancelled === "unheard" && !frozen) {
    const shell = own(draft, id);
    shell.cancelled = "heard";
    shell.interrupts = { type: "interrupt", invocationId: id, reason: "cancelled" };
    return [{ name: `${id} hears that it is cancelled`, by: "system", to: draft }];
  }
  if (interrupts === undefined) return [];
  const outcome = change(draft, interrupts);
  const shell = own(draft, id);
  delete shell.interrupts;
  shell.interrupted = outcome.answer;
  goOn(draft, shell);
  return [{ name: `${id}: interrupt`, by: "system", to: draft, event: interrupts, outcome }];
}

/** A change that an invocation has asked for. */
function callSteps(world: World, system: System, { id, call, answer, frozen }: Shell): Step[] {
  if (call === undefined || answer !== undefined) return [];
  const { event } = call;
  const stands = world.soaking === NO_SOAK;
  const waits = stands && event.type === "report" && event.due && driveOf(world)?.pending !== undefined;
  return (waits ? [NOW, LATE] : [NOW]).map((nowMs): Step => {
    const draft = draftOf(world, system);
    const outcome = change(draft, event, nowMs);
    const shell = own(draft, id);
    if (frozen) shell.answer = outcome.answer;
    else answered(draft, shell, outcome.answer);
    const name = `${id}: ${nameOf(event)}${nowMs === LATE ? ", late" : ""}`;
    return { name, by: "system", to: draft, event, outcome };
  });
}

export function nameOf(event: Event): string {
  if (event.type !== "report") return event.type;
  const results = event.results.map(({ id, is }) => ` ${id} ${is}`).join();
  return `report${event.opens === undefined ? "" : ` opens ${event.opens.wave + 1}`}${results}`;
}

/** What an invocation that waits may hear. */
function shellSteps(world: World, system: System, shell: Shell): Step[] {
  const step = (name: string, does: (draft: Draft, own: Shell) => void): Step => {
    const draft = draftOf(world, system);
    does(draft, own(draft, shell.id));
    return { name: `${shell.id} ${name}`, by: "system", to: draft };
  };
  const steps: Step[] = [];
  const { heard, gather, again, loading } = shell;
  if (heard !== undefined) {
    const rung = (draft: Draft, own: Shell) => {
      own.bell++;
      delete own.heard;
      hear(draft, own, heard.grant);
    };
    steps.push(step(heard.grant === undefined ? "is rung" : "is rung with a grant", rung));
  }
  if (gather) {
    const elapsed = (draft: Draft, own: Shell) => {
      delete own.gather;
      if (own.unsent.length > 0) own.due = true;
      goOn(draft, own);
    };
    steps.push(step("has gathered", elapsed));
  }
  if (again) {
    const elapsed = (draft: Draft, own: Shell) => {
      delete own.again;
      if (own.unsent.length > 0 || own.wantsAgain) own.due = true;
      goOn(draft, own);
    };
    steps.push(step("has waited", elapsed));
  }
  if (loading === "runs") steps.push(...loadSteps(world, system, shell));
  if (loading === "done") {
    const loaded = (_: Draft, own: Shell) => {
      delete own.loading;
      send(own);
    };
    steps.push(step("has loaded", loaded));
  }
  for (const { lane, failed } of shell.ended) {
    const hears = (draft: Draft, own: Shell) => {
      own.ended = own.ended.filter((each) => each.lane !== lane);
      const { rolloutId } = own;
      if (failed) ask(own, { type: "laneLost", rolloutId, lane, reason: "a lane was lost" }, "report");
      else goOn(draft, own);
    };
    steps.push(step(`hears of the end of lane ${lane}`, hears));
  }
  return steps;
}

/** The parts of the fleet are read one after another. */
function loadSteps(world: World, system: System, { id, rolloutId }: Shell): Step[] {
  const draft = draftOf(world, system);
  const plan = (world.kv.get("plan") ?? []) as { at: string }[];
  const tallies = (world.kv.get("tallies") ?? {}) as Record<string, unknown>;
  const missing = plan.find(({ at }) => tallies[at] === undefined);
  const done: Step = { name: `the fleet is read for ${id}`, by: "system", to: draft };
  if (missing === undefined || headOf(world)?.rolloutId !== rolloutId) {
    own(draft, id).loading = "done";
    return [done];
  }
  const [wave = 1, part = 1] = missing.at.split("/").map(Number);
  const ids = system.waves[wave - 1]?.[part - 1] ?? [];
  const entries = ids.map((each) => [each, { from: world.rows[each]?.ran ?? "", is: "waiting" as const }]);
  const event: Event = { type: "stage", rolloutId, at: missing.at, part: Object.fromEntries(entries) };
  const outcome = change(draft, event);
  if (!outcome.answer.accepted) own(draft, id).loading = "done";
  return [{ ...done, name: `part ${missing.at} is read`, event, outcome }];
}

/** Deploys end; those of one sentinel run one after another. */
function deploySteps(world: World, system: System): Step[] {
  return world.deploys.flatMap((deploy, i) => {
    if (world.deploys.slice(0, i).some(({ id }) => id === deploy.id)) return [];
    return endings(world, deploy).map(({ is, row, spends, name }): Step => {
      const draft = draftOf(spends === undefined ? world : spent(world, spends), system);
      draft.deploys = draft.deploys.filter((each) => each !== deploy);
      draft.rows = { ...draft.rows, [deploy.id]: { ...row, ...writtenIn(draft) } };
      startNext(draft, deploy.id, true);
      if (deploy.shell !== undefined) {
        const shell = own(draft, deploy.shell);
        const { id, at, unrecorded } = deploy;
        const why = is === "succeeded" || is === "reverted" ? {} : { why: "why" };
        shell.unsent = [...shell.unsent, { id, at, is, ...why, ...(unrecorded ? { unrecorded } : {}) }];
        shell.gather = true;
        goOn(draft, shell);
      }
      return { name: `${deploy.id} ${name ?? is}`, by: "system", to: draft };
    });
  });
}

/** Who came up no longer serves the image: the next rollout of it deploys there again. */
function breakSteps(world: World, system: System): Step[] {
  if (world.left.break === 0 || headOf(world)?.state !== "cancelled") return [];
  return Object.entries(world.rows).flatMap(([id, row]): Step[] => {
    if (row.is !== "ready" || row.image === "v1" || world.deploys.some((deploy) => deploy.id === id))
      return [];
    const draft = draftOf(spent(world, "break"), system);
    draft.rows = { ...draft.rows, [id]: { ...row, is: "failed" } };
    return [{ name: `${id} breaks`, by: "fault", to: draft }];
  });
}

interface Ending {
  is: "succeeded" | "failed" | "skipped" | "reverted" | "missed" | "gone" | "moved" | "untouched";
  row: World["rows"][string];
  spends?: Bounded;
  name?: string;
}

function endings(
  { rows, left }: World,
  { id, image, rollout, reverts, unrecorded, standsDown }: Deploy,
): Ending[] {
  const row = rows[id];
  if (row === undefined) return [];
  if (standsDown) return [{ is: "untouched", row }];
  const ready = { image, is: "ready", ran: image } as const;
  const failed = { ...row, image, is: "failed" } as const;
  if (!reverts) {
    const all: Ending[] = [{ is: "succeeded", row: ready }];
    if (left.fail > 0) all.push({ is: "failed", row: failed, spends: "fail" });
    if (left.skip > 0) all.push({ is: "skipped", row: { ...row, is: "failed" }, spends: "skip" });
    return all;
  }
  if (unrecorded) {
    const ranIt = row.is === "failed" && row.ran === rollout;
    const isThere = row.image === rollout && (row.is !== "failed" || ranIt);
    const isBack = row.image === image && (row.is === "progressing" || ranIt);
    if (!isThere && !isBack) return [{ is: row.image === rollout ? "failed" : "untouched", row }];
  }
  if (row.image !== rollout)
    return row.image === image ? [{ is: "reverted", row: ready }] : [{ is: "moved", row }];
  const missed: Ending[] = left.miss > 0 ? [{ is: "missed", row: failed, spends: "miss" }] : [];
  const gone: Ending[] = left.skip > 0 ? [{ is: "gone", row, spends: "skip" }] : [];
  return [{ is: "reverted", row: ready }, ...missed, ...gone];
}

export function spent(world: World, what: Bounded): World {
  return { ...world, left: { ...world.left, [what]: world.left[what] - 1 } };
}
