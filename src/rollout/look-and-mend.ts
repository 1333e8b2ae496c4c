import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { RolloutOptions } from "./options.ts";
import { requestChange } from "./request-change.ts";
import { readHead, type Sight } from "./state.ts";
import { ensureWatchdog, NOBODY, nobodyDrives } from "./watchdog.ts";

/**
 * What a verb goes by. If the state says that somebody drives while nobody does, it is mended first: what was cut short, or
 * killed together with its watchdog, is in no verb's way.
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
