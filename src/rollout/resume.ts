import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { assertLegal } from "../domain/legality.ts";
import type { RolloutResponse } from "../restate/rollout-schemas.ts";
import { drive } from "./drive.ts";
import { lookAndMend } from "./look-and-mend.ts";
import type { RolloutOptions } from "./options.ts";
import { rolloutResponse, viewOfDriven } from "./responses.ts";

/** Goes on with a paused rollout: what was not attempted first, then the waves after it. */
export async function resume(ctx: ObjectSharedContext, options: RolloutOptions): Promise<RolloutResponse> {
  const sight = await lookAndMend(ctx, options);
  assertLegal("Resume", sight.rollout);
  const { rolloutId = "", image = "" } = sight.rollout ?? {};
  const { view } = await drive(ctx, options, "resume", { type: "resume", invocationId: ctx.request().id });
  return rolloutResponse(viewOfDriven(view, rolloutId, image));
}
