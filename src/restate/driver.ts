import {
  CancelledError,
  type internal,
  type ObjectSharedContext,
  RestatePromise,
  rpc,
} from "@restatedev/restate-sdk";
import type { Event } from "../domain/state.ts";
import { RolloutObject, type Step } from "./names.ts";

/** Invocation id of the driving handler: reports are made under it. */
export function driveId(ctx: ObjectSharedContext): string {
  return ctx.request().id;
}

/** Makes a transition of the rollout's state; `name` is what the operator reads in the journal. */
export function report(ctx: ObjectSharedContext, name: string, event: Event): Promise<Step> {
  return ctx.objectClient(RolloutObject, ctx.key).Transition(event, rpc.opts({ name }));
}

/**
 * Resolves when this invocation is cancelled from the UI or CLI. Drivers have `explicitCancellation`: their Deploys in
 * flight are left to finish, and what became of them is recorded, before they end.
 */
export function cancellation(ctx: ObjectSharedContext): RestatePromise<void> {
  return (ctx as unknown as internal.ContextInternal).cancellation();
}

/**
 * Awaits a step before anything was changed: a cancellation ends the invocation there and then.
 * @throws CancelledError
 */
export async function unlessCancelled<T>(ctx: ObjectSharedContext, step: RestatePromise<T>): Promise<T> {
  const cancelled = cancellation(ctx).map((): { cancelled: true } => ({ cancelled: true }));
  const done = step.map((value, failure) => {
    if (failure !== undefined) throw failure;
    return { cancelled: false as const, value: value as T };
  });
  const first = await RestatePromise.race([cancelled, done]);
  if (first.cancelled) throw new CancelledError();
  return first.value;
}
