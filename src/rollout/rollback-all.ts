import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { Event } from "../domain/event.ts";
import { assertMeant } from "../domain/guard.ts";
import type { RollbackResponse } from "../restate/rollback-schemas.ts";
import type { RollbackRequest } from "../restate/rollout-requests.ts";
import { askLeftBehind } from "./ask-left-behind.ts";
import { askedBy } from "./asked-by.ts";
import { drive, unlessCancelled } from "./drive.ts";
import { boundTo, guardedBy } from "./guarded-by.ts";
import { lookAndMend } from "./look-and-mend.ts";
import type { RolloutOptions } from "./options.ts";
import { rollbackResponse } from "./responses.ts";
import type { Sight } from "./state.ts";
import { invocationsOf } from "./watchdog.ts";

/** Returns every sentinel that took the image to its previous one; a drive that does not answer is not waited for. */
export async function rollbackAll(
  ctx: ObjectSharedContext,
  request: RollbackRequest,
  options: RolloutOptions,
): Promise<RollbackResponse> {
  const guarded = guardedBy(request);
  const sight = await lookAndMend(ctx, options);
  assertMeant("RollbackAll", sight.rollout, guarded);
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
  return driveBack(ctx, options, sight, {
    type: "beginRollback",
    invocationId,
    silent,
    ...(request.include_failed === undefined ? {} : { includeFailed: request.include_failed }),
    ...boundTo(guarded, sight),
    ...askedBy(ctx, request),
  });
}

/** Drives a rollback to its end, and answers what it came to. */
export async function driveBack(
  ctx: ObjectSharedContext,
  options: RolloutOptions,
  sight: Sight,
  opening: Extract<Event, { type: "beginRollback" | "abort" }>,
): Promise<RollbackResponse> {
  const { rollback, view } = await drive(ctx, options, "rollback", opening);
  const { rolloutId = "", image = "", currentWave = -1 } = sight.rollout ?? {};
  const ended = view.rolloutId === rolloutId && view.sinceMs !== undefined ? { sinceMs: view.sinceMs } : {};
  const failed = view.failed + view.failedEarlier;
  const left = view.rolloutId === rolloutId ? await askLeftBehind(ctx, { rolloutId }, failed) : undefined;
  return rollbackResponse(rollback, { rolloutId, image, wave: currentWave + 1, ...ended }, left);
}
