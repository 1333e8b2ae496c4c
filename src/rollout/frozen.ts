import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { assertNotFrozen, type Freeze, type Override, storedFreeze } from "../domain/freeze.ts";
import { FREEZE_KEY } from "../domain/state-keys.ts";
import { askedBy } from "./asked-by.ts";
import type { RolloutOptions } from "./options.ts";
import { type CountBytes, load, type Sight } from "./state.ts";

interface FreezableRequest {
  override_freeze?: boolean | undefined;
  comment?: string | undefined;
}

/** What the body says of a freeze; empty where it says nothing, so that old journals are replayed as they were. */
export function overrideOf({ override_freeze }: FreezableRequest): Pick<Override, "overrideFreeze"> {
  return override_freeze ? { overrideFreeze: true } : {};
}

/**
 * Refuses at once what its change would refuse, where the drive says that there may be a freeze. Without a drive, as before the
 * first rollout, the change alone tells.
 * @throws FrozenError
 * @throws UnreadableError
 */
export async function assertNotFrozenEarly(
  ctx: ObjectSharedContext,
  operation: "Rollout" | "Resume" | "RetryFailed",
  { drive }: Sight,
  request: FreezableRequest,
  { countBytes }: Pick<RolloutOptions, "countBytes">,
): Promise<void> {
  if (!drive?.mayBeFrozen) return;
  const freeze = await readFreeze(ctx, countBytes);
  if (freeze === undefined) return;
  const { comment } = askedBy(ctx, request);
  const asked = { ...overrideOf(request), ...(comment === undefined ? {} : { comment }) };
  assertNotFrozen(operation, freeze, await ctx.date.now(), asked);
}

/**
 * The freeze as it is stored, whether or not it holds still.
 * @throws UnreadableError
 */
export async function readFreeze(ctx: ObjectSharedContext, count: CountBytes): Promise<Freeze | undefined> {
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, [FREEZE_KEY], count);
  return storedFreeze(loaded.get(FREEZE_KEY));
}
