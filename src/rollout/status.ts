import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { type Freeze, storedFreeze } from "../domain/freeze.ts";
import { failedInAll, numbersOf } from "../domain/progress.ts";
import { UnreadableError } from "../domain/readable.ts";
import { isWatched } from "../domain/soak.ts";
import { FREEZE_KEY } from "../domain/state-keys.ts";
import { SCRAPE_HEADER } from "../restate/contract.ts";
import type { StatusDetail } from "../restate/detail-schemas.ts";
import type { StatusRequest } from "../restate/rollout-requests.ts";
import type { StatusResponse } from "../restate/rollout-schemas.ts";
import { askLeftBehind } from "./ask-left-behind.ts";
import { type DetailOf, detailOf } from "./detail.ts";
import type { RolloutOptions } from "./options.ts";
import { statusResponse } from "./responses.ts";
import { load, SIGHT_KEYS, type Sight, sightOf } from "./state.ts";
import { ensureWatchdog } from "./watchdog.ts";

/**
 * Tells where the rollout stands: reads the head and who drives, however large the fleet is. What it is waiting for in detail
 * comes from the rows and the clusters, and is read only if the request asks for it.
 */
export async function status(
  ctx: ObjectSharedContext,
  request: StatusRequest,
  { clusters, countBytes, deployTimeoutMs, detail, health: eyes }: RolloutOptions,
): Promise<StatusResponse> {
  // Beside a busy wave each question waits for its turn, so all that a usual answer needs is asked for at once.
  const look = ctx.run("look around", () => ({
    health: clusters.health(),
    nowMs: Date.now(),
    deployTimeoutMs,
  }));
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, [...SIGHT_KEYS, FREEZE_KEY], countBytes, [look]);
  const { health, ...seen } = await look;
  const sight = await sightOf(ctx, loaded, countBytes);
  ensureWatchdog(ctx, sight);
  let told: StatusDetail | undefined;
  const lookCloser = async () => {
    told = await ctx.run("look at what it waits for", () => detailOf(subjectOf(sight), detail));
  };
  const leftBehind = await leftBehindOf(ctx, sight, request.detail === true ? lookCloser : undefined);
  const freeze = freezeOf(loaded.get(FREEZE_KEY));
  const { rollout } = sight;
  const survey =
    rollout !== undefined && isWatched(rollout)
      ? await ctx.run("look at those that took the image", () => eyes.survey(rollout))
      : undefined;
  const response = statusResponse(sight, seen.nowMs, {
    ...{ clusters: health, ...seen, leftBehind, freeze },
    health: survey,
  });
  return { ...response, ...told };
}

/** An unreadable freeze is told as a text, so that the rest of the answer is given. */
function freezeOf(stored: unknown): Freeze | string | undefined {
  try {
    return storedFreeze(stored);
  } catch (error) {
    if (error instanceof UnreadableError) return error.message;
    throw error;
  }
}

function subjectOf({ rollout, drive }: Sight): DetailOf | undefined {
  if (rollout === undefined) return undefined;
  return { ...rollout, waiting: numbersOf(rollout, drive).waiting };
}

/**
 * For an operator, and while nothing runs: what is to be done about them is asked then.
 * @param meanwhile what else is to be found out: both together take no longer than one
 */
async function leftBehindOf(ctx: ObjectSharedContext, { rollout }: Sight, meanwhile?: () => Promise<void>) {
  const rests = rollout?.state === "paused" || rollout?.state === "cancelled";
  if (rests && !ctx.request().headers.has(SCRAPE_HEADER)) {
    const { rolloutId } = rollout;
    return askLeftBehind(ctx, { rolloutId, bounded: true }, failedInAll(rollout), meanwhile);
  }
  await meanwhile?.();
  return undefined;
}
