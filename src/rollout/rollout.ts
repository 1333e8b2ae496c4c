import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { assertLegal } from "../domain/legality.ts";
import { PART_SIZE } from "../domain/parts.ts";
import type { RolloutState } from "../domain/state.ts";
import { PARTS_IN_A_CHANGE, takesOver } from "../domain/taken-over.ts";
import { viewOfNothing } from "../domain/view.ts";
import type { RolloutRequest } from "../restate/rollout-requests.ts";
import type { RolloutResponse } from "../restate/rollout-schemas.ts";
import { tellNothingChanged } from "./acting.ts";
import { askedBy } from "./asked-by.ts";
import { drive, unlessCancelled } from "./drive.ts";
import { selectSentinels } from "./fleet.ts";
import { assertNotFrozenEarly, overrideOf } from "./frozen.ts";
import { assertInFlight, limitsOf } from "./limits-of.ts";
import { lookAndMend } from "./look-and-mend.ts";
import type { RolloutOptions } from "./options.ts";
import { requireWork } from "./planned-waves.ts";
import { requestChange } from "./request-change.ts";
import { rolloutResponse, viewOfDriven } from "./responses.ts";

/** Rolls the image out: refuses what is not legal, reads the fleet, plans the waves, and drives them. */
export async function rollout(
  ctx: ObjectSharedContext,
  request: RolloutRequest,
  options: RolloutOptions,
): Promise<RolloutResponse> {
  const sight = await lookAndMend(ctx, options);
  assertLegal("Rollout", sight.rollout);
  await assertNotFrozenEarly(ctx, "Rollout", sight, request, options);
  await assertInFlight(ctx, request, options);
  const rolloutId = ctx.rand.uuidv4();
  const askedMs = await ctx.date.now();
  const planned = await selectSentinels(ctx, options.store, request, askedMs);
  requireWork(planned);
  if (planned.fleet === 0) {
    await tellNothingChanged(ctx, "Rollout", request, sight.rollout);
    return rolloutResponse(viewOfNothing(request.image, askedMs));
  }
  const { image, wavePercentages, plan, parts } = planned;
  const { operator, comment } = askedBy(ctx, request);
  const large = await copyOver(ctx, sight.rollout, image);
  const { view } = await drive(ctx, options, "rollout", {
    type: "begin",
    invocationId: ctx.request().id,
    rolloutId,
    askedMs,
    ...{ image, wavePercentages, plan, parts: large ? [] : parts },
    ...(operator === undefined ? {} : { startedBy: operator }),
    ...(comment === undefined ? {} : { comment }),
    ...limitsOf(request, planned),
    ...overrideOf(request),
  });
  return rolloutResponse(viewOfDriven(view, rolloutId, image));
}

/**
 * Of the image of a cancelled rollout: what that one deployed is kept, so that RollbackAll returns it. Where it is much, it is
 * copied a little at a time before anything begins.
 * @returns whether it is much
 */
async function copyOver(
  ctx: ObjectSharedContext,
  earlier: RolloutState | undefined,
  image: string,
): Promise<boolean> {
  if (!takesOver(earlier, image) || earlier.totalSentinels <= PARTS_IN_A_CHANGE * PART_SIZE) return false;
  const { rolloutId } = earlier;
  let left: number | undefined;
  do {
    const copied = requestChange(ctx, "take over what is on the image", { type: "copy", rolloutId, image });
    ({ left = 0 } = await unlessCancelled(ctx, copied));
  } while (left > 0);
  return true;
}
