import type { ObjectContext, ObjectSharedContext } from "@restatedev/restate-sdk";
import { type HistoryEntry, historyOf } from "../domain/history.ts";
import { rollbackScope } from "../domain/rollback.ts";
import { apply, nextWave } from "../domain/rollout.ts";
import type { Drive, Event, Machine, RolloutState } from "../domain/state.ts";
import { viewOf } from "../domain/view.ts";
import { HistoryObject, NOTIFIER_KEY, NotifierObject, RolloutObject, type Step } from "./names.ts";

/** What operators see in the State tab. */
const ROLLOUT_KEY = "rolloutState";
/** Which invocations drive the rollout: nobody's business but this object's. */
const FORWARD_KEY = "forwardDrive";
const ROLLBACK_KEY = "rollbackDrive";

const SINCE_KEY = "stateSinceMs";
/** Counts what was sent to the history. */
const REVISION_KEY = "historyRevision";

const NO_SKIPS = { skippedIds: [], skipReasons: {} };

export async function readRollout(ctx: ObjectSharedContext): Promise<RolloutState | undefined> {
  return withSkips(await ctx.get<RolloutState>(ROLLOUT_KEY));
}

/** A rollout that an earlier version began has no skips. */
function withSkips(stored: RolloutState | null): RolloutState | undefined {
  return stored === null ? undefined : { ...NO_SKIPS, ...stored };
}

/** The invocations that drive the rollout. */
export type Drives = Pick<Machine, "forward" | "rollback">;

// Beside a large rollout every question that is sent on its own has to wait for its turn. So what belongs together is asked
// for first, and awaited then: one after another, for the SDK takes no two that are awaited at once (`Promise.all`).

function askForDrives(ctx: ObjectSharedContext): () => Promise<Drives> {
  const [forward, rollback] = [ctx.get<Drive>(FORWARD_KEY), ctx.get<Drive>(ROLLBACK_KEY)];
  return async () => ({ forward: (await forward) ?? undefined, rollback: (await rollback) ?? undefined });
}

/** Asks for all of the state; the answer is to be awaited before anything else is. */
export function askForMachine(ctx: ObjectSharedContext): () => Promise<Machine> {
  const [since, stored] = [ctx.get<number>(SINCE_KEY), ctx.get<RolloutState>(ROLLOUT_KEY)];
  const drives = askForDrives(ctx);
  return async () => {
    const sinceMs = await since;
    const rollout = withSkips(await stored);
    return { rollout, ...(await drives()), ...(sinceMs === null ? {} : { sinceMs }) };
  };
}

/** Without the rollout itself, which may be large. */
export function readDrives(ctx: ObjectSharedContext): Promise<Drives> {
  return askForDrives(ctx)();
}

/**
 * Every change of the rollout's state, one at a time: short, without I/O, so that nobody ever waits for it.
 * A transition that is refused throws before anything is written.
 */
export async function transition(ctx: ObjectContext, event: Event): Promise<Step> {
  const [machineBefore, lastRevision, now] = [
    askForMachine(ctx),
    ctx.get<number>(REVISION_KEY),
    ctx.date.now(),
  ];
  const before = await machineBefore();
  const revision = await lastRevision;
  const nowMs = await now;
  const { machine, changes, wake, watch, accepted } = apply(before, event, nowMs);
  // The watchdog goes first: once a state says that somebody drives, somebody watches.
  if (watch !== undefined) {
    ctx.objectSendClient(RolloutObject, ctx.key).Watch({ invocationId: watch });
  }
  store(ctx, ROLLOUT_KEY, before.rollout, machine.rollout);
  store(ctx, FORWARD_KEY, before.forward, machine.forward);
  store(ctx, ROLLBACK_KEY, before.rollback, machine.rollback);
  store(ctx, SINCE_KEY, before.sinceMs, machine.sinceMs);
  for (const change of changes) ctx.objectSendClient(NotifierObject, NOTIFIER_KEY).Deliver(change);
  keep(ctx, historyOf(before, machine, event, nowMs), (revision ?? 0) + 1);
  for (const signal of wake) ctx.resolveAwakeable(signal);
  return { accepted, view: viewOf(machine.rollout), ...next(machine, event) };
}

/** Sent, not called: a history that cannot be written delays nothing. */
function keep(ctx: ObjectContext, entry: HistoryEntry | undefined, revision: number): void {
  if (entry === undefined) return;
  ctx.set(REVISION_KEY, revision);
  ctx.objectSendClient(HistoryObject, entry.rollout.rolloutId).Record({ entry, revision });
}

/** What the drive that reported is to do now. */
function next(machine: Machine, event: Event): Pick<Step, "wave" | "scope"> {
  if (event.type === "cancel" || event.type === "abandon" || event.type === "record") return {};
  if (event.type === "recordReverted" || event.type === "finishRollback") return {};
  const drive = typeof event.drive === "string" ? event.drive : event.drive.invocationId;
  const wave = nextWave(machine, drive);
  const scope = rollbackScope(machine, drive);
  return { ...(wave === undefined ? {} : { wave }), ...(scope === undefined ? {} : { scope }) };
}

function store<T>(ctx: ObjectContext, key: string, before: T | undefined, after: T | undefined): void {
  if (after === before) return;
  if (after === undefined) ctx.clear(key);
  else ctx.set(key, after);
}
