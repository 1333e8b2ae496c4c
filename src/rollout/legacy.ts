import type { ObjectContext } from "@restatedev/restate-sdk";
import { legacyEvent } from "../domain/legacy-drive.ts";
import type { LegacyEvent, LegacyOrder } from "../domain/legacy-report.ts";
import type { View } from "../domain/view.ts";
import { ConflictError } from "../restate/errors.ts";
import { type ChangeOptions, change } from "./change.ts";

interface LegacyStep extends LegacyOrder {
  accepted: boolean;
  view: View | undefined;
}

/**
 * Lets what version 0.1 has begun go on under this one: its handlers are pinned to it, `Transition` is not. What it was only
 * about to begin is refused: the caller asks again, and is answered by this version.
 */
export async function legacyTransition(
  ctx: ObjectContext,
  event: LegacyEvent,
  options: ChangeOptions,
): Promise<LegacyStep> {
  const meant = legacyEvent(event);
  if (meant === undefined) {
    throw new ConflictError("The service was upgraded a moment ago; nothing was changed: please ask again.");
  }
  const { accepted, view, legacy } = await change(ctx, meant, options);
  return { accepted, view, ...legacy };
}
