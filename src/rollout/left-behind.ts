import { setTimeout as sleep } from "node:timers/promises";
import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { LeftBehind } from "../domain/left-behind.ts";
import { partKey, partsOf, placesOfFailed, TALLIES_KEY, type Tallies, waveOf } from "../domain/parts.ts";
import type { Part, RolloutState } from "../domain/state.ts";
import type { SentinelRow, SentinelStore } from "../mysql/sentinels.ts";
import { type LeftBehindRequest, RolloutObject } from "../restate/names.ts";
import { type CountBytes, load, look } from "./state.ts";

/** So many parts are read by one invocation, so that its journal does not grow with the fleet. */
const PARTS = 16;
/** An operator waits: without the rows after so long (ms) the answer does without these numbers. */
const PATIENCE_MS = 1_000;

export interface LeftBehindOptions {
  store: Pick<SentinelStore, "read">;
  countBytes: CountBytes;
}

/** Counts, by their rows, what became of those that failed. @returns null where that cannot be told now */
export async function countLeftBehind(
  ctx: ObjectSharedContext,
  { rolloutId, places }: LeftBehindRequest,
  { store, countBytes }: LeftBehindOptions,
): Promise<LeftBehind | null> {
  const { rollout } = await look(ctx, countBytes);
  if (rollout?.rolloutId !== rolloutId) return null;
  if (places !== undefined) return countIn(ctx, rollout, places, { store, countBytes });
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, [TALLIES_KEY], countBytes);
  const tallies = (loaded.get(TALLIES_KEY) ?? {}) as Tallies;
  const failed = placesOfFailed(tallies);
  if (failed.length <= PARTS) return countIn(ctx, rollout, failed, { store, countBytes });
  const sum = { failed: 0, earlier: 0, holding: 0, serving: 0 };
  for (const some of partsOf(failed, PARTS)) {
    const counted = await ctx.objectClient(RolloutObject, ctx.key).LeftBehind({ rolloutId, places: some });
    if (counted === null) return null;
    for (const what of ["failed", "earlier", "holding", "serving"] as const) sum[what] += counted[what] ?? 0;
  }
  return sum;
}

async function countIn(
  ctx: ObjectSharedContext,
  { image, rewrittenTo }: RolloutState,
  places: readonly string[],
  { store, countBytes }: LeftBehindOptions,
): Promise<LeftBehind | null> {
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, places.map(partKey), countBytes);
  const failed = places.flatMap((at) =>
    Object.entries((loaded.get(partKey(at)) ?? {}) as Part).flatMap(
      ([id, { is, failedEarlier }]): { id: string; earlier: boolean }[] => {
        if (is === "failed") return [{ id, earlier: waveOf(at) < 0 }];
        return is === "waiting" && failedEarlier ? [{ id, earlier: true }] : [];
      },
    ),
  );
  const ids = failed.map(({ id }) => id);
  const earlier = failed.filter((each) => each.earlier).length;
  return ctx.run("read the rows of those that failed", async (): Promise<LeftBehind | null> => {
    const rows = await inTime(Promise.all(ids.map((id) => store.read(id))));
    if (rows === undefined) return null;
    const holding = rows.filter((row) => row?.desiredState === "running" && row.image === image);
    const runs = (row: SentinelRow | undefined) => [image, rewrittenTo].includes(row?.runningImage);
    const serving = holding.filter((row) => runs(row) && row?.health === "healthy");
    return { failed: ids.length, earlier, holding: holding.length, serving: serving.length };
  });
}

async function inTime(
  read: Promise<(SentinelRow | undefined)[]>,
): Promise<(SentinelRow | undefined)[] | undefined> {
  const over = new AbortController();
  const tooLate = sleep(PATIENCE_MS, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    return await Promise.race([read.catch(() => undefined), tooLate]);
  } finally {
    over.abort();
  }
}
