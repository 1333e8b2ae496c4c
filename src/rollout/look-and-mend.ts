import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { RolloutOptions } from "./options.ts";
import { requestChange } from "./request-change.ts";
import { readHead, type Sight } from "./state.ts";
import { ensureWatchdog, NOBODY, nobodyDrives } from "./watchdog.ts";

/**
 * Reads what a verb goes by. If the state names a driver that is gone, mends it first, so that what was cut short blocks no
 * verb.
 * @throws UnreadableError
 */
export async function lookAndMend(
  ctx: ObjectSharedContext,
  { countBytes }: Pick<RolloutOptions, "countBytes">,
): Promise<Sight> {
  const sight = await readHead(ctx, countBytes);
  if (!nobodyDrives(sight)) {
    ensureWatchdog(ctx, sight);
    return sight;
  }
  await requestChange(ctx, "nobody drives", NOBODY);
  return readHead(ctx, countBytes);
}
