import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { Limits } from "../domain/state.ts";
import { soaksOf } from "../domain/waves.ts";
import { BadRequestError } from "../restate/body.ts";
import type { RolloutRequest } from "../restate/rollout-requests.ts";
import type { PlannedWaves } from "./planned-waves.ts";

/** What the request has the rollout keep to; empty where it says nothing, so that old journals are replayed as they were. */
export function limitsOf(
  request: RolloutRequest,
  { total, wavePercentages }: Pick<PlannedWaves, "total" | "wavePercentages">,
): { limits?: Limits } {
  const { max_failures, max_total_failures, max_in_flight, ramp } = request;
  const { soak_seconds, max_regressions, on_failure } = request;
  const limits: Limits = {
    ...(max_failures === undefined ? {} : { maxFailures: max_failures }),
    ...(max_total_failures === undefined ? {} : { maxTotalFailures: max_total_failures }),
    ...(max_in_flight === undefined ? {} : { maxInFlight: max_in_flight }),
    ...(ramp ? { ramp } : {}),
    ...(soak_seconds === undefined ? {} : { soakSeconds: soaksOf(soak_seconds, total, wavePercentages) }),
    ...(max_regressions === undefined ? {} : { maxRegressions: max_regressions }),
    ...(on_failure === "rollback" ? { onFailure: on_failure } : {}),
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
