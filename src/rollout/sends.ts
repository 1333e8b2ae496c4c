import { type ObjectSharedContext, rpc } from "@restatedev/restate-sdk";
import type { Driver } from "../domain/drive-state.ts";
import { isUnderWay } from "../domain/soak.ts";
import type { RolloutState } from "../domain/state.ts";
import { RolloutObject } from "../restate/contract.ts";

/**
 * One watchdog for a drive: while it lives, asking for another one does nothing. A watchdog that takes over has a number, and so a
 * key and an id of its own.
 */
export function sendWatchdog(
  ctx: ObjectSharedContext,
  { invocationId, watchdog: number = 0 }: Pick<Driver, "invocationId" | "watchdog">,
  { rolloutId }: { rolloutId: string | undefined },
): void {
  const of = rolloutId === undefined ? {} : { rolloutId };
  const first = `watch ${invocationId}`;
  const [numbered, idempotencyKey] = number === 0 ? [{}, first] : [{ number }, `${first} ${number}`];
  ctx
    .objectSendClient(RolloutObject, ctx.key)
    .Watch({ invocationId, ...of, ...numbered }, rpc.sendOpts({ idempotencyKey }));
}

/** One that watches is enough: while it lives, asking for another one does nothing. */
export function sendHealthWatch(ctx: ObjectSharedContext, rollout: RolloutState | undefined): void {
  if (rollout === undefined || !isUnderWay(rollout)) return;
  const { rolloutId } = rollout;
  ctx
    .objectSendClient(RolloutObject, ctx.key)
    .WatchHealth({ rolloutId }, rpc.sendOpts({ idempotencyKey: `health ${rolloutId}` }));
}

/** At the end of a soak, or where that message was lost. */
export function sendEndSoak(
  ctx: ObjectSharedContext,
  soak: { rolloutId: string; untilMs: number },
  delay?: number,
): void {
  const { rolloutId, untilMs } = soak;
  const how = delay === undefined ? { idempotencyKey: `soak ${rolloutId} ${untilMs}` } : { delay };
  ctx.objectSendClient(RolloutObject, ctx.key).EndSoak({ rolloutId, untilMs }, rpc.sendOpts(how));
}

/** The watchdog ends a soak that is this long (ms) overdue. */
const OVERDUE_MS = 2_000;

/** What watches the health, and what ends a soak, may have been killed. */
export function watchOverSoak(
  ctx: ObjectSharedContext,
  rollout: RolloutState | undefined,
  nowMs: number,
): void {
  sendHealthWatch(ctx, rollout);
  const { soakUntilMs: untilMs, rolloutId = "" } = rollout ?? {};
  if (untilMs !== undefined && nowMs > untilMs + OVERDUE_MS) sendEndSoak(ctx, { rolloutId, untilMs });
}
