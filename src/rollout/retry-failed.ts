import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { assertMeant } from "../domain/guard.ts";
import type { RetryRequest } from "../restate/rollout-requests.ts";
import type { RolloutResponse } from "../restate/rollout-schemas.ts";
import { askedBy } from "./asked-by.ts";
import { drive } from "./drive.ts";
import { assertNotFrozenEarly, overrideOf } from "./frozen.ts";
import { boundTo, guardedBy } from "./guarded-by.ts";
import { lookAndMend } from "./look-and-mend.ts";
import type { RolloutOptions } from "./options.ts";
import { rolloutResponse, viewOfDriven } from "./responses.ts";

/** Deploys the failed sentinels of a paused rollout again, and pauses it again; or goes on, if that was asked for and helped. */
export async function retryFailed(
  ctx: ObjectSharedContext,
  request: RetryRequest,
  options: RolloutOptions,
): Promise<RolloutResponse> {
  const guarded = guardedBy(request);
  const sight = await lookAndMend(ctx, options);
  assertMeant("RetryFailed", sight.rollout, guarded);
  await assertNotFrozenEarly(ctx, "RetryFailed", sight, request, options);
  const { rolloutId = "", image = "" } = sight.rollout ?? {};
  const { sentinel_ids: sentinelIds, resume } = request;
  const opening = {
    type: "retryFailed",
    invocationId: ctx.request().id,
    ...(sentinelIds === undefined ? {} : { sentinelIds }),
    ...(resume ? { resume } : {}),
    ...boundTo(guarded, sight),
    ...askedBy(ctx, request),
    ...overrideOf(request),
  } as const;
  const { view } = await drive(ctx, options, "retry", opening);
  return rolloutResponse(viewOfDriven(view, rolloutId, image));
}
