import { type ObjectContext, type ObjectSharedContext, rpc, TerminalError } from "@restatedev/restate-sdk";
import type { LeftBehind } from "../domain/notification.ts";
import { type LeftBehindRequest, RolloutObject, SINGLETON } from "../restate/contract.ts";

/**
 * Asks what became of the sentinels that failed in a rollout; undefined: none failed, or it cannot be told now.
 * @param meanwhile awaited while the answer is on its way
 */
export async function askLeftBehind(
  ctx: ObjectContext | ObjectSharedContext,
  request: LeftBehindRequest,
  failed: number,
  meanwhile?: () => Promise<void>,
): Promise<LeftBehind | undefined> {
  if (failed === 0) {
    await meanwhile?.();
    return undefined;
  }
  try {
    const counted = ctx
      .objectClient(RolloutObject, SINGLETON)
      .LeftBehind(request, rpc.opts({ name: "what of those that failed?" }));
    await meanwhile?.();
    return (await counted) ?? undefined;
  } catch (error) {
    if (error instanceof TerminalError) return undefined;
    throw error;
  }
}
