import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { assertMeant } from "../domain/guard.ts";
import type { RollbackResponse } from "../restate/rollback-schemas.ts";
import type { RollbackRequest } from "../restate/rollout-requests.ts";
import { askedBy } from "./asked-by.ts";
import { boundTo, guardedBy } from "./guarded-by.ts";
import { lookAndMend } from "./look-and-mend.ts";
import type { RolloutOptions } from "./options.ts";
import { driveBack } from "./rollback-all.ts";

/** Stops, and returns every sentinel that took the image to its previous one: one change decides both. */
export async function abort(
  ctx: ObjectSharedContext,
  request: RollbackRequest,
  options: RolloutOptions,
): Promise<RollbackResponse> {
  const guarded = guardedBy(request);
  const sight = await lookAndMend(ctx, options);
  assertMeant("Abort", sight.rollout, guarded);
  return driveBack(ctx, options, sight, {
    type: "abort",
    invocationId: ctx.request().id,
    ...(request.include_failed === undefined ? {} : { includeFailed: request.include_failed }),
    ...boundTo(guarded, sight),
    ...askedBy(ctx, request),
  });
}
