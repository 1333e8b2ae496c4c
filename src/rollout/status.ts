import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { Freeze } from "../domain/freeze.ts";
import { failedInAll } from "../domain/progress.ts";
import { UnreadableError } from "../domain/readable.ts";
import { SCRAPE_HEADER } from "../restate/contract.ts";
import type { StatusResponse } from "../restate/rollout-schemas.ts";
import { askLeftBehind } from "./ask-left-behind.ts";
import { readFreeze } from "./frozen.ts";
import type { RolloutOptions } from "./options.ts";
import { statusResponse } from "./responses.ts";
import { type CountBytes, look, type Sight } from "./state.ts";
import { ensureWatchdog } from "./watchdog.ts";

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
  ensureWatchdog(ctx, sight);
  const leftBehind = await leftBehindOf(ctx, sight);
  // Last of all: so a question that an earlier version began to answer is answered by this one.
  const freeze = await freezeOf(ctx, countBytes);
  return statusResponse(sight, seen.nowMs, { clusters: health, ...seen, leftBehind, freeze });
}

/** One that cannot be read is told of, and keeps nobody from the rest. */
async function freezeOf(ctx: ObjectSharedContext, count: CountBytes): Promise<Freeze | string | undefined> {
  try {
    return await readFreeze(ctx, count);
  } catch (error) {
    if (error instanceof UnreadableError) return error.message;
    throw error;
  }
}

/** For an operator, and while nothing runs: what is to be done about them is asked then. */
function leftBehindOf(ctx: ObjectSharedContext, { rollout }: Sight) {
  const rests = rollout?.state === "paused" || rollout?.state === "cancelled";
  if (!rests || ctx.request().headers.has(SCRAPE_HEADER)) return undefined;
  return askLeftBehind(ctx, rollout.rolloutId, failedInAll(rollout));
}
