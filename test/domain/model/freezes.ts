import type { Event } from "../../../src/domain/event.ts";
import { type Freeze, FrozenError } from "../../../src/domain/freeze.ts";
import { FREEZE_KEY } from "../../../src/domain/state-keys.ts";
import { change, NOW } from "./change.ts";
import { draftOf } from "./shell.ts";
import { driveOf, headOf, spent } from "./steps.ts";
import type { Step, System, World } from "./world.ts";

/** Later than whatever is late in a model. */
const LATER = { ms: NOW * 1_000, iso: "later" };
/** Time stands still, so the moment comes nearer instead. */
const PASSED = { ms: NOW, iso: "now" };

/** What is stored, whether or not its time is up. */
function freezeOf({ kv }: Pick<World, "kv">): Freeze | undefined {
  return kv.get(FREEZE_KEY) as Freeze | undefined;
}

/** The one that nothing may pass. */
export function holding(world: Pick<World, "kv">): Freeze | undefined {
  const freeze = freezeOf(world);
  return freeze?.until?.ms === PASSED.ms ? undefined : freeze;
}

/** What an operator may ask of a freeze now, and what its time does, also if nobody tells. */
export function freezeEvents(world: World): { name: "Freeze" | "Unfreeze"; event: Event; after: World }[] {
  const { left } = world;
  const freeze: Event = { type: "freeze", id: `freeze ${left.Freeze}`, reason: "why", until: LATER };
  return [
    ...(left.Freeze > 0 ? [{ name: "Freeze" as const, event: freeze, after: spent(world, "Freeze") }] : []),
    ...(left.Unfreeze > 0
      ? [
          {
            name: "Unfreeze" as const,
            event: { type: "unfreeze" } as const,
            after: spent(world, "Unfreeze"),
          },
        ]
      : []),
  ];
}

export function timeSteps(world: World, system: System): Step[] {
  const freeze = freezeOf(world);
  if (freeze === undefined) return [];
  if (holding(world) === undefined) {
    const draft = draftOf(world, system);
    const event: Event = { type: "freezeEnds", id: freeze.id };
    const outcome = change(draft, event);
    return [{ name: "the end of the freeze is told", by: "system", to: draft, event, outcome }];
  }
  if (world.left.pass === 0) return [];
  const after = spent(world, "pass");
  const kv = new Map(world.kv).set(FREEZE_KEY, { ...freeze, until: PASSED });
  return [{ name: "the time of the freeze is up", by: "fault", to: { ...after, kv } }];
}

/** What is frozen is refused, with a word of why; only the same with an override may happen. */
export function overriding(world: World, event: Event, decide: () => unknown): Event {
  const freeze = holding(world);
  if (freeze === undefined || (event.type !== "begin" && event.type !== "resume")) return event;
  try {
    decide();
  } catch (error) {
    if (!(error instanceof FrozenError)) throw error;
    return { ...event, overrideFreeze: true, comment: "in spite of it" };
  }
  throw new Error(`does not hold: ${event.type} is refused in a freeze`);
}

/** Who drives in spite of which freeze. */
export function overrodeBy(world: World, event: Event): World["overrode"] {
  const freeze = holding(world);
  if (freeze === undefined || !("overrideFreeze" in event) || !("invocationId" in event))
    return world.overrode;
  return { ...world.overrode, [event.invocationId ?? ""]: freeze.id };
}

/** Nothing begins, goes on, or comes to its next wave in a freeze, but in spite of that very freeze. */
export function aFreezeHolds(from: World, { to, event, name }: Step): void {
  const freeze = holding(from);
  if (freeze === undefined) return;
  const [before, after] = [headOf(from), headOf(to)];
  const overrides = event !== undefined && "overrideFreeze" in event && event.overrideFreeze;
  if (overrides) return;
  const begins = before?.rolloutId !== after?.rolloutId && after !== undefined;
  const resumes = before?.state === "paused" && after?.state === "in_progress";
  if (begins || resumes) throw new Error(`does not hold: ${name} is refused in a freeze`);
  const next = before !== undefined && after !== undefined && after.currentWave > before.currentWave;
  const driver = driveOf(from)?.forward?.invocationId ?? "";
  if (next && from.overrode[driver] !== freeze.id) {
    throw new Error(`does not hold: ${name}: no wave begins in a freeze`);
  }
}

/** A pause for a freeze has its freeze, and every wave before it its results. */
export function aPauseIsForAFreeze(from: World, { to, name, outcome }: Step): void {
  if (outcome === undefined || headOf(from)?.state !== "in_progress") return;
  const after = headOf(to);
  if (after?.state !== "paused" || after.pauseKind !== "freeze") return;
  if (holding(from) === undefined) throw new Error(`does not hold: ${name}: nothing is frozen`);
  const { size = 0, succeeded = 0, failed = 0, skipped = 0 } = after.waves[after.currentWave] ?? {};
  if (size !== succeeded + failed + skipped)
    throw new Error(`does not hold: ${name}: a freeze pauses no wave in its middle`);
}

/** Slack hears of each freeze, and of its end, once. */
export function aFreezeIsTold(from: World, { to, outcome, name }: Step): void {
  if (outcome === undefined) return;
  const [before, after] = [freezeOf(from), freezeOf(to)];
  const told = outcome.freezeNotifications.map(({ kind, freeze }) => `${kind} ${freeze.id}`);
  const expected: string[] = [];
  if (before !== undefined && before.id !== after?.id) {
    if (holding(from) === undefined) expected.push(`freeze ended ${before.id}`);
    else if (after === undefined) expected.push(`unfrozen ${before.id}`);
  }
  if (after !== undefined && before?.id !== after.id) expected.push(`frozen ${after.id}`);
  if (String(told) !== String(expected)) {
    throw new Error(`does not hold: ${name} tells ${expected.join() || "nothing"}, and not ${told.join()}`);
  }
}
