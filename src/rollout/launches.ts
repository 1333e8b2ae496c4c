import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { isWanted, stillLaunches } from "../domain/launches.ts";
import type { LaunchesRequest } from "../restate/contract.ts";
import { type CountBytes, readHead } from "./state.ts";

/** The answer to a Deploy that was granted a while ago: its lane may have been paused since, and the rollout be over. */
export async function launches(
  ctx: ObjectSharedContext,
  request: LaunchesRequest,
  count: CountBytes,
): Promise<boolean> {
  const { rollout, drive } = await readHead(ctx, count);
  if (request.killed === true) return isWanted(rollout, request.rolloutId);
  return stillLaunches(rollout, drive, request);
}
