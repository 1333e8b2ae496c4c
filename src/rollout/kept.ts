import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { formerKey } from "../domain/former.ts";
import { type CountBytes, load, type Sight } from "./state.ts";

/** Has another rollout replaced this one before it settled? */
export async function isKept(
  ctx: ObjectSharedContext,
  rolloutId: string | undefined,
  { rollout, drive }: Sight,
  count: CountBytes,
): Promise<boolean> {
  if (rolloutId === undefined) return false;
  // The other one has just begun: its head is written before the rest.
  if (rollout !== undefined && rollout.rolloutId !== rolloutId && drive === undefined) return true;
  const key = formerKey(rolloutId);
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, [key], count);
  return (loaded.get(key) ?? undefined) !== undefined;
}
