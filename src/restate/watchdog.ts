import { InvocationIdParser, type ObjectSharedContext, rpc } from "@restatedev/restate-sdk";
import { report } from "./driver.ts";
import { RolloutObject, SCRAPE_HEADER } from "./names.ts";
import { type Drives, readDrives } from "./transition.ts";

/** A drive is watched anew at most so often (ms): each watch waits until the drive has ended. */
const AGAIN_MS = 60_000;

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

/**
 * Whoever kills all that runs in the UI kills the watchdog too. So whenever an operator asks for something, what is said
 * to be driving is watched anew: should it be gone, the state moves on. Scrapes go on for hours, and would leave behind a
 * watch for every minute.
 */
export async function watchAgain(ctx: ObjectSharedContext): Promise<void> {
  const drives = await readDrives(ctx);
  if (drives.forward === undefined && drives.rollback === undefined) return;
  watchThese(ctx, drives, await ctx.date.now());
}

/** @param nowMs unix ms */
export function watchThese(ctx: ObjectSharedContext, { forward, rollback }: Drives, nowMs: number): void {
  if (ctx.request().headers.has(SCRAPE_HEADER)) return;
  for (const drive of [forward, rollback]) {
    if (drive === undefined) continue;
    const { invocationId } = drive;
    const idempotencyKey = `watch ${invocationId} ${Math.floor(nowMs / AGAIN_MS)}`;
    ctx.objectSendClient(RolloutObject, ctx.key).Watch({ invocationId }, rpc.sendOpts({ idempotencyKey }));
  }
}
