import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { namedInHead } from "../domain/left-behind.ts";
import type { LeftBehind } from "../domain/notification.ts";
import { PART_SIZE, partsOf, waveOf } from "../domain/parts.ts";
import type { Part, RolloutState } from "../domain/state.ts";
import { partKey, TALLIES_KEY } from "../domain/state-keys.ts";
import { isLeftOver, isRetried, placesOfFailed, type Tallies } from "../domain/tally.ts";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { SentinelRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { type LeftBehindRequest, RolloutObject } from "../restate/contract.ts";
import { atMost } from "../util/at-most.ts";
import { type CountBytes, load, readHead } from "./state.ts";

/** One invocation reads at most this many parts, so that its journal does not grow with the fleet. */
const PARTS = 16;
/**
 * Status is asked again and again, so it reads little. It gets no count if the parts in which sentinels failed have more
 * sentinels than this: two full parts, at most 512 KiB of the state. Head, drive and tallies add at most 96 KiB.
 */
const MOST_IN_PARTS = 2 * PART_SIZE;
/** An operator waits. If the rows have not been read after this time (ms), the answer omits these numbers. */
const PATIENCE_MS = 1_000;
/** If the Deployments have not been read after this time (ms), the rows alone count. */
const DEPLOYMENTS_PATIENCE_MS = 2_000;
/** If more sentinels than this failed, only their rows are read: each Deployment is a request to Kubernetes. */
const MOST_DEPLOYMENTS = 200;

export interface LeftBehindOptions {
  store: Pick<SentinelStore, "read">;
  clusters: Pick<Clusters, "forRegion" | "health">;
  countBytes: CountBytes;
}

/**
 * Counts what became of the sentinels that failed, by their Deployments and rows, or by their rows alone.
 * @returns null where that cannot be told now
 */
export async function countLeftBehind(
  ctx: ObjectSharedContext,
  { rolloutId, places, byRows, bounded }: LeftBehindRequest,
  options: LeftBehindOptions,
): Promise<LeftBehind | null> {
  const { countBytes } = options;
  const { rollout } = await readHead(ctx, countBytes);
  if (rollout?.rolloutId !== rolloutId) return null;
  if (places !== undefined) return countIn(ctx, rollout, { places, byRows }, options);
  const named = namedInHead(rollout);
  if (named !== undefined) return look(ctx, rollout, { ids: named, earlier: 0 }, options);
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, [TALLIES_KEY], countBytes);
  const tallies = (loaded.get(TALLIES_KEY) ?? {}) as Tallies;
  const failed = placesOfFailed(tallies);
  const size = failed.reduce((sum, at) => sum + (tallies[at]?.[0] ?? 0), 0);
  if (bounded && size > MOST_IN_PARTS) return null;
  const many = failed.reduce((sum, at) => sum + (tallies[at]?.[2] ?? 0) + (tallies[at]?.[7] ?? 0), 0);
  const how = many > MOST_DEPLOYMENTS ? { byRows: true as const } : {};
  if (failed.length <= PARTS) return countIn(ctx, rollout, { places: failed, ...how }, options);
  const sum: Required<LeftBehind> = { byRows: false, failed: 0, earlier: 0, holding: 0, serving: 0 };
  for (const some of partsOf(failed, PARTS)) {
    const counted = await ctx
      .objectClient(RolloutObject, ctx.key)
      .LeftBehind({ rolloutId, places: some, ...how });
    if (counted === null) return null;
    sum.byRows ||= counted.byRows === true;
    for (const what of ["failed", "earlier", "holding", "serving"] as const) sum[what] += counted[what] ?? 0;
  }
  return sum;
}

interface Failed {
  ids: readonly string[];
  /** How many of them in an earlier rollout of the image. */
  earlier: number;
  byRows?: true | undefined;
}

async function countIn(
  ctx: ObjectSharedContext,
  rollout: RolloutState,
  { places, byRows }: { places: readonly string[]; byRows?: true | undefined },
  options: LeftBehindOptions,
): Promise<LeftBehind | null> {
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, places.map(partKey), options.countBytes);
  const failed = places.flatMap((at) =>
    Object.entries((loaded.get(partKey(at)) ?? {}) as Part).flatMap(
      ([id, entry]): { id: string; earlier: boolean }[] => {
        // Those a rollback reverts, or asks the rows about.
        if (isLeftOver(entry) || isRetried(entry)) return [];
        const { is, failedEarlier } = entry;
        if (is === "failed") return [{ id, earlier: waveOf(at) < 0 }];
        return is === "waiting" && failedEarlier ? [{ id, earlier: true }] : [];
      },
    ),
  );
  const ids = failed.map(({ id }) => id);
  const earlier = failed.filter((each) => each.earlier).length;
  return look(ctx, rollout, { ids, earlier, byRows }, options);
}

function look(
  ctx: ObjectSharedContext,
  { image, rewrittenTo }: RolloutState,
  { ids, earlier, byRows }: Failed,
  { store, clusters }: LeftBehindOptions,
): Promise<LeftBehind | null> {
  return ctx.run("look at those that failed", async (): Promise<LeftBehind | null> => {
    const rows = await inTime(Promise.all(ids.map((id) => store.read(id))), PATIENCE_MS);
    if (rows === undefined) return null;
    const running = rows.filter((row) => row?.desiredState === "running") as SentinelRow[];
    const set = byRows ? undefined : await imagesOf(running, clusters);
    const isIt = (each: string | undefined) => each !== undefined && [image, rewrittenTo].includes(each);
    const holding = running.filter((row, i) => (set === undefined ? row.image === image : isIt(set[i])));
    const serving = holding.filter((row) => isIt(row.runningImage) && row.health === "healthy");
    return {
      ...{ failed: ids.length, earlier, holding: holding.length, serving: serving.length },
      ...(set === undefined ? { byRows: true } : {}),
    };
  });
}

/** What their Deployments are set to. Undefined: not all of them can be read now. */
async function imagesOf(
  rows: readonly SentinelRow[],
  { forRegion, health }: LeftBehindOptions["clusters"],
): Promise<(string | undefined)[] | undefined> {
  const away = new Set(health().flatMap(({ cluster, reachable }) => (reachable ? [] : [cluster])));
  const clusters = rows.map(({ regionId }) => forRegion(regionId));
  if (clusters.some((cluster) => cluster === undefined || away.has(cluster.name))) return undefined;
  const reads = rows.map(async ({ k8sName }, i) => (await clusters[i]?.read(k8sName))?.image);
  return inTime(Promise.all(reads), DEPLOYMENTS_PATIENCE_MS);
}

/** Undefined: it failed, or took longer than `ms`. */
function inTime<T>(read: Promise<T>, patienceMs: number): Promise<T | undefined> {
  return atMost(
    patienceMs,
    read.catch(() => undefined),
    () => undefined,
  );
}
