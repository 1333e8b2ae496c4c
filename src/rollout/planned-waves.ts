import { type Candidate, serves } from "../domain/candidates.ts";
import type { PartPlan } from "../domain/drive-state.ts";
import { PART_SIZE, partsOf, waitingPart } from "../domain/parts.ts";
import type { Part } from "../domain/state.ts";
import { DEFAULT_WAVE_PERCENTAGES, planWaves } from "../domain/waves.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { ConflictError } from "../restate/errors.ts";
import type { RolloutRequest } from "../restate/rollout-requests.ts";

/** What a Rollout does now: the waves and their parts, but not every sentinel in them. */
export interface PlannedWaves {
  image: string;
  wavePercentages: number[];
  waves: { size: number; shownIds: string[] }[];
  plan: PartPlan[];
  /** All parts, where they are small enough to be handed on at once. */
  parts: Part[];
  total: number;
  /** Running sentinels, those left out included. */
  fleet: number;
  leftOut: number;
}

/** At most this many ids of a wave are shown. */
const SHOWN_IDS = 20;
/** Of a larger fleet (bytes of JSON) the parts are read one after another. */
const INLINE_BYTES = 256 * 1024;

/** A part that is read later has room for sentinels that come to be due meanwhile. */
const PLANNED_SIZE = 380;

export type Fleet = Pick<SentinelStore, "candidatePages">;

export async function planWavesOf(store: Fleet, request: RolloutRequest): Promise<PlannedWaves> {
  const { image, wave_percentages } = request;
  const wavePercentages = [...(wave_percentages ?? DEFAULT_WAVE_PERCENTAGES)];
  const ids: string[] = [];
  const small: { id: string; from: string }[] = [];
  let fleet = 0;
  let bytes = 0;
  for await (const page of store.candidatePages()) {
    fleet += page.length;
    for (const candidate of page) {
      if (serves(candidate, image)) continue;
      ids.push(candidate.id);
      const from = previousImage(candidate);
      bytes += Buffer.byteLength(candidate.id) + Buffer.byteLength(from) + 32;
      if (bytes <= INLINE_BYTES) small.push({ id: candidate.id, from });
    }
  }
  const waves = planWaves(ids, wavePercentages);
  const plan = waves.flatMap((wave, i) =>
    partsOf(wave, bytes <= INLINE_BYTES ? PART_SIZE : PLANNED_SIZE).map((part, n): PartPlan => {
      const at = `${i + 1}/${n + 1}`;
      return { at, size: part.length, first: part[0] ?? "", last: part.at(-1) ?? "" };
    }),
  );
  return {
    image,
    wavePercentages,
    waves: waves.map((wave) => ({ size: wave.length, shownIds: wave.slice(0, SHOWN_IDS) })),
    plan,
    parts: bytes <= INLINE_BYTES ? partsAlong(plan, small) : [],
    total: ids.length,
    fleet,
    leftOut: fleet - ids.length,
  };
}

/** The image that was really running: never one that did not come up. */
export function previousImage({ runningImage, image }: Pick<Candidate, "runningImage" | "image">): string {
  return runningImage || image;
}

function partsAlong(plan: readonly PartPlan[], sentinels: { id: string; from: string }[]): Part[] {
  let start = 0;
  return plan.map(({ size }) => {
    const part = waitingPart(sentinels.slice(start, start + size));
    start += size;
    return part;
  });
}

/** @throws ConflictError when there are sentinels and all of them serve the image already */
export function requireWork(plan: PlannedWaves): void {
  if (plan.fleet > 0 && plan.total === 0) throw new ConflictError(nothingToDo(plan));
}

export function nothingToDo({ fleet, image }: Pick<PlannedWaves, "fleet" | "image">): string {
  const all =
    fleet === 1 ? "the one running sentinel already serves" : `all ${fleet} running sentinels already serve`;
  return `Nothing to roll out: ${all} ${image}.`;
}
