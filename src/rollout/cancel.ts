import { type ObjectSharedContext, RestatePromise, TerminalError } from "@restatedev/restate-sdk";
import type { GuardedRequest } from "../restate/rollout-requests.ts";
import type { RolloutResponse } from "../restate/rollout-schemas.ts";
import { askedBy } from "./asked-by.ts";
import { guardedBy } from "./guarded-by.ts";
import type { RolloutOptions } from "./options.ts";
import { requestChange } from "./request-change.ts";
import { rolloutResponse } from "./responses.ts";
import { readHead } from "./state.ts";
import { ensureWatchdog } from "./watchdog.ts";

/** A lane that does not answer launches nothing either: an operator is not kept waiting for longer (ms). */
const LONGEST_WAIT_MS = 1_000;

/** Stops the rollout, for good. */
export function cancel(
  ctx: ObjectSharedContext,
  request: GuardedRequest,
  options: RolloutOptions,
): Promise<RolloutResponse> {
  return stop(ctx, "cancel", request, options);
}

/** An operator waits: the change, which refuses what is not legal, comes before everything else. */
export async function stop(
  ctx: ObjectSharedContext,
  type: "cancel" | "pause",
  request: GuardedRequest,
  { countBytes }: RolloutOptions,
): Promise<RolloutResponse> {
  const fence = ctx.awakeable<object>();
  const event = {
    ...{ type, fence: fence.id },
    ...(type === "pause" ? { invocationId: ctx.request().id } : {}),
    ...guardedBy(request),
    ...askedBy(ctx, request),
  } as const;
  const { view, waits } = await requestChange(ctx, type, event);
  if (waits) {
    const tooLate = ctx.sleep(LONGEST_WAIT_MS, "wait for what is on its way").map(() => undefined);
    await RestatePromise.race([fence.promise.map(() => undefined), tooLate]);
  }
  ensureWatchdog(ctx, await readHead(ctx, countBytes));
  if (view === undefined) throw new TerminalError("the change gave no view");
  return rolloutResponse(view);
}
