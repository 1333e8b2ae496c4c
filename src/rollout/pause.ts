import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { GuardedRequest } from "../restate/rollout-requests.ts";
import type { RolloutResponse } from "../restate/rollout-schemas.ts";
import { stop } from "./cancel.ts";
import type { RolloutOptions } from "./options.ts";

/** Launches nothing more, and pauses the rollout once what is in flight has settled. */
export function pause(
  ctx: ObjectSharedContext,
  request: GuardedRequest,
  options: RolloutOptions,
): Promise<RolloutResponse> {
  return stop(ctx, "pause", request, options);
}
