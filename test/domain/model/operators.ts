import type { PartPlan } from "../../../src/domain/drive-state.ts";
import type { Event } from "../../../src/domain/event.ts";
import { GuardError, type Seen } from "../../../src/domain/guard.ts";
import type { Operation, Verb } from "../../../src/domain/state.ts";
import { change, cutShort } from "./change.ts";
import { freezeEvents, overriding, overrodeBy } from "./freezes.ts";
import { entriesOf } from "./recorded.ts";
import { draftOf, newShell, openedDrive, own } from "./shell.ts";
import { headOf, spent } from "./steps.ts";
import { nobodyDrives, silences } from "./watchdog.ts";
import type { Step, System, World } from "./world.ts";

/** What operators may ask for now. All but Cancel have the state healed first. */
export function operatorSteps(world: World, system: System, legal: readonly Operation[]): Step[] {
  return legal.flatMap((operation): Step[] => {
    if (operation === "Cancel") {
      const event = { type: "cancel" } as const;
      return [...verb(world, system, operation, event), ...guarded(world, world, system, operation, event)];
    }
    if (world.left[operation] === 0) return [];
    if (operation === "Pause") {
      const [event, after] = [{ type: "pause" } as const, spent(world, operation)];
      return [...verb(after, system, operation, event), ...guarded(world, after, system, operation, event)];
    }
    if (nobodyDrives(world)) return [];
    if (operation === "Rollout" && dueOf(world, system).flat(2).length === 0) return [];
    const id = `drive ${world.drives + 1}`;
    const after = { ...spent(world, operation), drives: world.drives + 1 };
    if (operation === "RetryFailed") return retries(world, system, after, id);
    const plain = eventOf(world, system, operation, id);
    const event = overriding(world, plain, () => once(after, system, operation, plain)) as typeof plain;
    const steps = verb(after, system, operation, event);
    if (event.type === "begin") return steps;
    return [...steps, ...guarded(world, after, system, operation, event)];
  });
}

/** In every state alike. */
export function freezeSteps(world: World, system: System): Step[] {
  return freezeEvents(world).flatMap(({ name, event, after }) => verb(after, system, name, event));
}

/** All of the failed, the first of several, and with the wish to go on. */
function retries(world: World, system: System, after: World, invocationId: string): Step[] {
  const failed = entriesOf(world).flatMap(({ id, is, wave }) => (is === "failed" && wave >= 0 ? [id] : []));
  const [first] = failed;
  if (first === undefined) return [];
  const all = { type: "retryFailed", invocationId } as const;
  const plain: (Event & { type: "retryFailed" })[] = [
    all,
    { ...all, resume: true },
    ...(failed.length > 1 ? [{ ...all, sentinelIds: [first] }] : []),
  ];
  const events = plain.map((each) => overriding(world, each, () => once(after, system, "RetryFailed", each)));
  return [
    ...events.flatMap((event) => verb(after, system, "RetryFailed", event)),
    ...guarded(world, after, system, "RetryFailed", events[0] as typeof all),
  ];
}

/**
 * The same verb of somebody who says what he saw, now or long ago: what is there, another wave, a rollout that is over, or
 * one that never was.
 */
function guarded(world: World, after: World, system: System, name: Operation, event: GuardedEvent): Step[] {
  const { rolloutId = "", currentWave = 0 } = headOf(world) ?? {};
  const wave = currentWave + 1;
  const first = "rollout of drive 1";
  const sights: Seen[] = [
    { rolloutId, wave },
    { rolloutId, wave: wave === 1 ? 2 : wave - 1 },
    { rolloutId: first === rolloutId ? "another rollout" : first, wave },
  ];
  return sights.map((seen): Step => {
    const asked = { ...event, seen };
    const title = `${name}, having seen wave ${seen.wave} of ${seen.rolloutId}`;
    try {
      return { ...once(after, system, title, asked), event: asked };
    } catch (error) {
      if (!(error instanceof GuardError)) throw error;
      return { name: `${title}: refused`, by: "operator", to: world, event: asked };
    }
  });
}

/** The verbs that may carry a guard. */
type GuardedEvent = Extract<
  Event,
  { type: "resume" | "cancel" | "pause" | "beginRollback" | "abort" | "retryFailed" }
>;

/** The whole of a verb. */
function once(world: World, system: System, name: string, event: Event): Step {
  const draft = draftOf({ ...world, overrode: overrodeBy(world, event) }, system);
  const by = "operator" as const;
  if ("invocationId" in event && event.invocationId !== undefined) {
    const of = event.type === "beginRollback" || event.type === "abort" ? "rollback" : "forward";
    draft.shells = [...draft.shells, newShell(event.invocationId, of)];
  }
  const outcome = change(draft, event);
  if ("invocationId" in event && event.invocationId !== undefined) {
    openedDrive(draft, own(draft, event.invocationId), outcome.answer);
  }
  return { name, by, to: draft, event, outcome };
}

function verb(world: World, system: System, name: Verb, event: Event): Step[] {
  const whole = once(world, system, name, event);
  if (world.left.torn === 0) return [whole];
  // The invocation that asked for it ends with an error.
  const torn = cutShort(world, system, event).map((after, i): Step => {
    const to = { ...spent(world, "torn"), ...after };
    return { name: `${name}, killed after ${i + 1} writes`, by: "fault", to, event, torn: true };
  });
  return [whole, ...torn];
}

const ONE_IMAGE = "the image";

/** The sentinels of each part of each wave; a wave that would be empty is dropped. */
function dueOf({ rows }: World, { waves, sameImage }: System): string[][][] {
  if (!sameImage) return waves;
  const serves = (id: string) => rows[id]?.image === ONE_IMAGE && rows[id].is === "ready";
  return waves
    .map((wave) => wave.map((ids) => ids.filter((id) => !serves(id))).filter((ids) => ids.length > 0))
    .filter((wave) => wave.length > 0);
}

function eventOf(
  world: World,
  system: System,
  operation: Exclude<Operation, "Cancel" | "Pause" | "RetryFailed">,
  id: string,
): Extract<Event, { type: "begin" | "resume" | "beginRollback" | "abort" }> {
  const failedToo = system.includeFailed ? { includeFailed: true as const } : {};
  if (operation === "Abort") return { type: "abort", invocationId: id, ...failedToo };
  if (operation === "Resume") return { type: "resume", invocationId: id };
  if (operation === "RollbackAll") {
    return { type: "beginRollback", invocationId: id, silent: silences(world), ...failedToo };
  }
  const from = (sentinel: string) => world.rows[sentinel]?.ran ?? "";
  const all = dueOf(world, system).flatMap((wave, i) =>
    wave.map((ids, n) => ({ at: `${i + 1}/${n + 1}`, ids })),
  );
  const plan = all.map(({ at, ids }): PartPlan => {
    return { at, size: ids.length, first: ids[0] ?? "", last: ids.at(-1) ?? "" };
  });
  const parts = all.map(({ ids }) =>
    Object.fromEntries(ids.map((sentinel) => [sentinel, { from: from(sentinel), is: "waiting" as const }])),
  );
  return {
    type: "begin",
    askedMs: 1_000_000,
    invocationId: id,
    rolloutId: `rollout of ${id}`,
    image: system.sameImage ? ONE_IMAGE : `image of ${id}`,
    wavePercentages: [100],
    ...(system.limits === undefined ? {} : { limits: system.limits }),
    plan,
    parts: system.loads ? [] : parts,
  };
}
