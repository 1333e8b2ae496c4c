import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { StatusResponse } from "../restate/schemas.ts";
import { statusResponse } from "./responses.ts";
import type { RolloutOptions } from "./service.ts";
import { look } from "./state.ts";
import { watchAgain } from "./watchdog.ts";

/** Tells where the rollout stands: reads the head and who drives, however large the fleet is. */
export async function status(
  ctx: ObjectSharedContext,
  { clusters, countBytes, deployTimeoutMs }: RolloutOptions,
): Promise<StatusResponse> {
  const sight = await look(ctx, countBytes);
  const { health, ...seen } = await ctx.run("look around", () => ({
    health: clusters.health(),
    nowMs: Date.now(),
    deployTimeoutMs,
  }));
  watchAgain(ctx, sight);
  return statusResponse(sight, seen.nowMs, { clusters: health, ...seen });
}
