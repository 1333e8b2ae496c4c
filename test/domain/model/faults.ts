import type { Event } from "../../../src/domain/event.ts";
import { type Cut, cutShort } from "./change.ts";
import { answered, type Draft, draftOf, end, goOn, own, tellParent } from "./shell.ts";
import { nameOf, spent } from "./steps.ts";
import type { Shell, Step, System, World } from "./world.ts";

export function faultSteps(world: World, system: System): Step[] {
  const { left } = world;
  return world.shells.flatMap((shell): Step[] => [
    ...(shell.parent === undefined && left.kill > 0 ? kills(world, system, shell) : []),
    ...(shell.parent !== undefined && left.killLane > 0 ? laneKills(world, system, shell) : []),
    ...(left.torn > 0 ? changesOf(shell).flatMap((event) => tears(world, system, shell, event)) : []),
    ...(left.interrupt > 0 && shell.parent === undefined && shell.cancelled === undefined
      ? [simple(world, system, shell, "interrupt", "is cancelled", { cancelled: "unheard" })]
      : []),
    ...(left.freeze > 0 && !shell.frozen
      ? [simple(world, system, shell, "freeze", "is paused", { frozen: true })]
      : []),
    ...(left.thaw > 0 && shell.frozen ? [simple(world, system, shell, "thaw", "is resumed", thaw)] : []),
  ]);
}

function simple(
  world: World,
  system: System,
  { id }: Shell,
  spends: "interrupt" | "freeze" | "thaw",
  name: string,
  does: Partial<Shell> | ((draft: Draft, own: Shell) => void),
): Step {
  const draft = draftOf(spent(world, spends), system);
  const shell = own(draft, id);
  if (typeof does === "function") does(draft, shell);
  else Object.assign(shell, does);
  return { name: `${id} ${name}`, by: "fault", to: draft };
}

function thaw(draft: Draft, shell: Shell): void {
  delete shell.frozen;
  if (shell.answer !== undefined) answered(draft, shell, shell.answer);
  else goOn(draft, shell);
}

/** A driver dies with its lanes, their Deploys, and the change that one of them had asked for. */
function kills(world: World, system: System, driver: Shell): Step[] {
  const dead = world.shells.filter(({ id, parent }) => id === driver.id || parent === driver.id);
  return deaths(world, system, dead, "kill", `${driver.id} is killed`);
}

function laneKills(world: World, system: System, lane: Shell): Step[] {
  return deaths(world, system, [lane], "killLane", `${lane.id} is killed`);
}

function deaths(
  world: World,
  system: System,
  dead: Shell[],
  spends: "kill" | "killLane",
  name: string,
): Step[] {
  const ids = new Set(dead.map(({ id }) => id));
  const after = (torn: Cut): World => {
    const draft = draftOf({ ...spent(world, spends), ...torn }, system);
    draft.shells = draft.shells.filter(({ id }) => !ids.has(id));
    draft.deploys = draft.deploys.filter(({ shell }) => shell === undefined || !ids.has(shell));
    for (const shell of dead) tellParent(draft, shell, true);
    return draft;
  };
  const torn = dead.flatMap((shell) =>
    changesOf(shell).flatMap((event) =>
      cutShort(world, system, event).map((cut, i): Step => {
        const at = `${name}, ${nameOf(event)} of ${shell.id} after ${i + 1} writes`;
        return { name: at, by: "fault", to: after(cut), event, torn: true };
      }),
    ),
  );
  return [
    { name, by: "fault", to: after({ kv: world.kv, shells: world.shells, soaking: world.soaking }) },
    ...torn,
  ];
}

/** The changes that it has asked for, and that may be made now. */
function changesOf({ call, answer, interrupts }: Shell): Event[] {
  const asked = call === undefined || answer !== undefined ? [] : [call.event];
  return interrupts === undefined ? asked : [...asked, interrupts];
}

/** A change is killed alone: a report is repeated; with any other the invocation ends, and its Deploys go on. */
function tears(world: World, system: System, { id }: Shell, event: Event): Step[] {
  return cutShort(world, system, event).map((cut, i): Step => {
    const draft = draftOf({ ...spent(world, "torn"), ...cut }, system);
    if (event.type !== "report") end(draft, id, true);
    const name = `${id}: ${nameOf(event)}, killed after ${i + 1} writes`;
    return { name, by: "fault", to: draft, event, torn: true };
  });
}
