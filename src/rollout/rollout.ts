import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { assertLegal } from "../domain/legality.ts";
import { type View, viewOfForgotten, viewOfNothing, viewOfSuperseded } from "../domain/view.ts";
import { STARTED_BY_HEADER } from "../restate/names.ts";
import type { RolloutRequest, RolloutResponse } from "../restate/schemas.ts";
import { drive } from "./drive.ts";
import { selectSentinels } from "./fleet.ts";
import { requireWork } from "./plan.ts";
import { rolloutResponse } from "./responses.ts";
import type { RolloutOptions } from "./service.ts";
import { lookAgain } from "./verbs.ts";

/** Rolls the image out: refuses what is not legal, reads the fleet, plans the waves, and drives them. */
export async function rollout(
  ctx: ObjectSharedContext,
  request: RolloutRequest,
  options: RolloutOptions,
): Promise<RolloutResponse> {
  const sight = await lookAgain(ctx, options);
  assertLegal("Rollout", sight.rollout);
  const rolloutId = ctx.rand.uuidv4();
  const askedMs = await ctx.date.now();
  const planned = await selectSentinels(ctx, options.store, request, askedMs);
  requireWork(planned);
  if (planned.fleet === 0) return rolloutResponse(viewOfNothing(request.image, askedMs));
  const { image, wavePercentages, plan, parts } = planned;
  const { view } = await drive(ctx, options, "rollout", {
    type: "begin",
    invocationId: ctx.request().id,
    rolloutId,
    askedMs,
    ...{ image, wavePercentages, plan, parts },
    ...startedBy(ctx),
  });
  return rolloutResponse(viewOfDriven(view, rolloutId, image));
}

/** What a forward drive answers of its own rollout, whatever became of it since. */
export function viewOfDriven(view: View, rolloutId: string, image: string): View {
  if (view.rolloutId !== rolloutId) return viewOfForgotten(rolloutId, image);
  return view.state === "rolling_back" ? viewOfSuperseded(view, "a rollback is running") : view;
}

/** Who the caller says it is: one line, short. */
function startedBy(ctx: ObjectSharedContext): { startedBy?: string } {
  const said = ctx.request().headers.get(STARTED_BY_HEADER) ?? "";
  const line = said
    .replaceAll(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, 200)
    .toWellFormed();
  return line === "" ? {} : { startedBy: line };
}
