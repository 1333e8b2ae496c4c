import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { Limits } from "../domain/state.ts";
import { BadRequestError } from "../restate/body.ts";
import type { RolloutRequest } from "../restate/rollout-requests.ts";

/** What the request has the rollout keep to; empty where it says nothing, so that old journals are replayed as they were. */
export function limitsOf(request: RolloutRequest): { limits?: Limits } {
  const { max_failures, max_total_failures, max_in_flight, ramp } = request;
  const limits: Limits = {
    ...(max_failures === undefined ? {} : { maxFailures: max_failures }),
    ...(max_total_failures === undefined ? {} : { maxTotalFailures: max_total_failures }),
    ...(max_in_flight === undefined ? {} : { maxInFlight: max_in_flight }),
    ...(ramp ? { ramp } : {}),
  };
  return Object.keys(limits).length === 0 ? {} : { limits };
}

/**
 * The service's own limit is for the service to set.
 * @throws BadRequestError
 */
export async function assertInFlight(
  ctx: ObjectSharedContext,
  { max_in_flight: asked }: RolloutRequest,
  { maxInFlight }: { maxInFlight: number },
): Promise<void> {
  if (asked === undefined) return;
  const allowed = await ctx.run("how many in flight the service allows", () => maxInFlight);
  if (asked <= allowed) return;
  throw new BadRequestError(
    `The field max_in_flight must be at most ${allowed}, which MAX_IN_FLIGHT allows here, got ${asked}.`,
  );
}
