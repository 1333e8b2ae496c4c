import { type ObjectSharedContext, TerminalError } from "@restatedev/restate-sdk";
import { lookAndMend } from "./look-and-mend.ts";
import type { RolloutOptions } from "./options.ts";
import { driveBack } from "./rollback-all.ts";

/** Who is said to have rolled it back. */
const BY_ITSELF = "on_failure";
const CONFLICT = 409;

/** A pause goes on to a rollback by itself, unless an operator was faster: then that is what counts. */
export async function onFailure(
  ctx: ObjectSharedContext,
  { rolloutId, pausedMs }: { rolloutId: string; pausedMs: number },
  options: RolloutOptions,
): Promise<void> {
  const sight = await lookAndMend(ctx, options);
  if (sight.rollout?.rolloutId !== rolloutId) return;
  try {
    await driveBack(ctx, options, sight, {
      type: "beginRollback",
      invocationId: ctx.request().id,
      silent: [],
      ofPause: pausedMs,
      seen: { rolloutId },
      operator: BY_ITSELF,
    });
  } catch (error) {
    if (!(error instanceof TerminalError) || error.code !== CONFLICT) throw error;
  }
}
