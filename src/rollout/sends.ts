import { type ObjectSharedContext, rpc } from "@restatedev/restate-sdk";
import { isUnderWay } from "../domain/soak.ts";
import type { RolloutState } from "../domain/state.ts";
import { RolloutObject } from "../restate/contract.ts";

/** One watchdog for a drive: while it lives, asking for another one does nothing. */
export function sendWatchdog(
  ctx: ObjectSharedContext,
  invocationId: string,
  { rolloutId }: Pick<RolloutState, "rolloutId">,
): void {
  ctx
    .objectSendClient(RolloutObject, ctx.key)
    .Watch({ invocationId, rolloutId }, rpc.sendOpts({ idempotencyKey: `watch ${invocationId}` }));
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
