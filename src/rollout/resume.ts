import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { assertMeant } from "../domain/guard.ts";
import type { ResumeRequest } from "../restate/rollout-requests.ts";
import type { RolloutResponse } from "../restate/rollout-schemas.ts";
import { askedBy } from "./asked-by.ts";
import { drive } from "./drive.ts";
import { assertNotFrozenEarly, overrideOf } from "./frozen.ts";
import { boundTo, guardedBy } from "./guarded-by.ts";
import { lookAndMend } from "./look-and-mend.ts";
import type { RolloutOptions } from "./options.ts";
import { rolloutResponse, viewOfDriven } from "./responses.ts";

/** Goes on with a paused rollout: what was not attempted first, then the waves after it. */
export async function resume(
  ctx: ObjectSharedContext,
  request: ResumeRequest,
  options: RolloutOptions,
): Promise<RolloutResponse> {
  const guarded = guardedBy(request);
  const sight = await lookAndMend(ctx, options);
  assertMeant("Resume", sight.rollout, guarded);
  await assertNotFrozenEarly(ctx, "Resume", sight, request, options);
  const { rolloutId = "", image = "" } = sight.rollout ?? {};
  const opening = {
    type: "resume",
    invocationId: ctx.request().id,
    ...boundTo(guarded, sight),
    ...askedBy(ctx, request),
    ...overrideOf(request),
  } as const;
  const { view } = await drive(ctx, options, "resume", opening);
  return rolloutResponse(viewOfDriven(view, rolloutId, image));
}
