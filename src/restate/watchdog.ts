import { InvocationIdParser, type ObjectSharedContext } from "@restatedev/restate-sdk";
import { report } from "./driver.ts";

/**
 * Waits until a driving invocation has ended, however it did. A killed one runs no code of its own any more, so this is
 * what brings the rollout to a state with a legal way out. A drive that ended well is no longer the rollout's: nothing
 * happens then.
 */
export async function watch(ctx: ObjectSharedContext, drive: string): Promise<void> {
  const ending = await ctx
    .invocation(InvocationIdParser.fromString(drive))
    .attach()
    .map((_, failure) => failure?.message ?? "it ended");
  const reason = `the driving invocation ended before its time (${ending})`;
  await report(ctx, "the drive has ended", { type: "abandon", drive, reason });
}
