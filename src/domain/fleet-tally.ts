import type { Candidate } from "./candidates.ts";
import type { RolloutState } from "./state.ts";

/** A running sentinel, as its row tells how far it is. */
export type TalliedRow = Pick<Candidate, "id" | "image" | "runningImage" | "deployStatus" | "health"> & {
  regionId: string;
  /** When the row was written last (unix ms). */
  updatedAtMs: number | null;
};

export interface RegionNumbers {
  region: string;
  waiting: number;
  inFlight: number;
  succeeded: number;
  failed: number;
}

/** What the rows of a fleet come to, kept small: nothing of a row but when it was written, and the ids of the oldest that are progressing. */
export interface FleetTally {
  readonly size: number;
  add(row: TalliedRow): void;
  /** How many rows of a region have a deploy_status, in the order in which they were first seen. */
  counts(): { regionId: string; deployStatus: TalliedRow["deployStatus"]; count: number }[];
  /** How far a rollout is in each region, as far as rows can tell; the regions in order. */
  regions(rollout: Subject): RegionNumbers[];
  /** Of those that are progressing since then (unix ms) or later: the oldest first, with when they began. */
  progressing(sinceMs: number): { id: string; sinceMs: number }[];
}

/** The rollout that the rows are read for; `waiting`: how many of its sentinels have not had their turn. */
export type Subject = Pick<RolloutState, "image" | "rewrittenTo" | "startedAtMs"> & { waiting: number };

/** At most this many progressing sentinels are remembered by their ids. */
const MOST_PROGRESSING = 200;

/** Rows that are alike but for their id and time. */
interface Group extends Omit<TalliedRow, "id" | "updatedAtMs"> {
  /** When each of them was written (unix ms; 0: never). */
  written: number[];
}

export function createFleetTally(): FleetTally {
  const groups = new Map<string, Group>();
  let progressing: { id: string; sinceMs: number }[] = [];
  let size = 0;

  function add({ id, updatedAtMs, ...alike }: TalliedRow): void {
    const { regionId, image, runningImage, deployStatus, health } = alike;
    const key = JSON.stringify([regionId, deployStatus, health, image, runningImage]);
    const writtenMs = updatedAtMs ?? 0;
    size++;
    const group = groups.get(key);
    if (group !== undefined) group.written.push(writtenMs);
    else groups.set(key, { regionId, image, runningImage, deployStatus, health, written: [writtenMs] });
    if (deployStatus !== "progressing") return;
    progressing.push({ id, sinceMs: writtenMs });
    if (progressing.length >= 2 * MOST_PROGRESSING) progressing = oldest(progressing);
  }

  return {
    get size() {
      return size;
    },
    add,
    counts() {
      const sums = new Map<string, ReturnType<FleetTally["counts"]>[number]>();
      for (const { regionId, deployStatus, written } of groups.values()) {
        const key = JSON.stringify([regionId, deployStatus]);
        const count = (sums.get(key)?.count ?? 0) + written.length;
        sums.set(key, { regionId, deployStatus, count });
      }
      return [...sums.values()];
    },
    regions(rollout) {
      const regions = new Map<string, RegionNumbers>();
      for (const group of groups.values()) {
        const { regionId: region } = group;
        const known = regions.get(region) ?? { region, waiting: 0, inFlight: 0, succeeded: 0, failed: 0 };
        regions.set(region, known);
        const since = group.written.filter((ms) => ms >= rollout.startedAtMs).length;
        const touched = TOUCHED[group.deployStatus];
        if (touched !== undefined) known[touched] += since;
        if (rollout.waiting > 0 && !servedBefore(group, rollout))
          known.waiting += group.written.length - since;
      }
      return [...regions.values()].sort((a, b) => (a.region < b.region ? -1 : 1));
    },
    progressing: (sinceMs) => oldest(progressing.filter((each) => each.sinceMs >= sinceMs)),
  };
}

/** What a row says of a sentinel that was deployed since the rollout began: only Deploys write `idle` never. */
const TOUCHED: Record<TalliedRow["deployStatus"], "inFlight" | "succeeded" | "failed" | undefined> = {
  idle: undefined,
  progressing: "inFlight",
  ready: "succeeded",
  failed: "failed",
};

/** The rollout has left it out. */
function servedBefore({ image, runningImage, deployStatus, health }: Group, rollout: Subject): boolean {
  return (
    image === rollout.image &&
    (runningImage === image || runningImage === rollout.rewrittenTo) &&
    (deployStatus === "ready" || deployStatus === "idle") &&
    (health === "healthy" || health === "paused")
  );
}

function oldest(all: readonly { id: string; sinceMs: number }[]): { id: string; sinceMs: number }[] {
  return [...all].sort((a, b) => a.sinceMs - b.sinceMs || (a.id < b.id ? -1 : 1)).slice(0, MOST_PROGRESSING);
}
