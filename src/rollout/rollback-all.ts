import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { assertLegal } from "../domain/legality.ts";
import type { RollbackResponse } from "../restate/rollout-schemas.ts";
import { askLeftBehind } from "./ask-left-behind.ts";
import { drive, unlessCancelled } from "./drive.ts";
import { lookAndMend } from "./look-and-mend.ts";
import type { RolloutOptions } from "./options.ts";
import { rollbackResponse } from "./responses.ts";
import { invocationsOf } from "./watchdog.ts";

/** Returns every sentinel that took the image to its previous one; a drive that does not answer is not waited for. */
export async function rollbackAll(
  ctx: ObjectSharedContext,
  options: RolloutOptions,
): Promise<RollbackResponse> {
  const sight = await lookAndMend(ctx, options);
  assertLegal("RollbackAll", sight.rollout);
  const invocationId = ctx.request().id;
  const { admin } = options;
  const ids = sight.drive?.forward === undefined ? [] : invocationsOf(sight.drive);
  const silent =
    ids.length === 0
      ? []
      : await unlessCancelled(
          ctx,
          ctx.run("look who does not answer", async () => (await admin?.silent(ids).catch(() => [])) ?? []),
        );
  const opening = { type: "beginRollback", invocationId, silent } as const;
  const { rollback, view } = await drive(ctx, options, "rollback", opening);
  const { rolloutId = "", image = "" } = sight.rollout ?? {};
  const ended = view.rolloutId === rolloutId && view.sinceMs !== undefined ? { sinceMs: view.sinceMs } : {};
  const failed = view.failed + view.failedEarlier;
  const left = view.rolloutId === rolloutId ? await askLeftBehind(ctx, rolloutId, failed) : undefined;
  return rollbackResponse(rollback, { rolloutId, image, ...ended }, left);
}
