import { type Candidate, serves } from "../domain/candidates.ts";
import { PART_SIZE, partsOf, sumOf, waitingPart } from "../domain/parts.ts";
import { plural } from "../domain/progress.ts";
import type { Part, PartPlan, RolloutState } from "../domain/state.ts";
import { earlierLeft, takenOverNote, takesOver } from "../domain/taken-over.ts";
import { DEFAULT_WAVE_PERCENTAGES, planWaves } from "../domain/waves.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { ConflictError } from "../restate/errors.ts";
import type { PlanResponse, RolloutRequest } from "../restate/schemas.ts";

/** What a Rollout would do now: the waves and their parts, but not every sentinel in them. */
export interface RolloutPlan {
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

/** So many ids of a wave are shown. */
const SHOWN_IDS = 20;
/** Of a larger fleet (bytes of JSON) the parts are read one after another. */
const INLINE_BYTES = 256 * 1024;

/** A part that is read later has room for sentinels that come to be due meanwhile. */
const PLANNED_SIZE = 380;

export type Fleet = Pick<SentinelStore, "candidatePages">;

export async function planRollout(store: Fleet, request: RolloutRequest): Promise<RolloutPlan> {
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
export function requireWork(plan: RolloutPlan): void {
  if (plan.fleet > 0 && plan.total === 0) throw new ConflictError(nothingToDo(plan));
}

/** @param earlier the present rollout: what it moved to the image is taken over, where it was cancelled */
export function planResponse(plan: RolloutPlan, earlier?: RolloutState): PlanResponse {
  const { image, waves, leftOut, total } = plan;
  const takenOver = takesOver(earlier, image) ? Math.min(leftOut, movedBy(earlier)) : 0;
  return {
    image,
    total,
    waves: waves.map(({ size, shownIds }, i) => ({ wave: i + 1, size, sentinel_ids: shownIds })),
    taken_over: takenOver,
    left_out: leftOut === 0 ? [] : [{ reason: "already serves the image", count: leftOut }],
    message: `${summary(plan, total)}${takenOverNote({ takenOver: { size: takenOver, reverted: 0 } })}`,
  };
}

function movedBy(earlier: RolloutState): number {
  const own = sumOf(earlier, "succeeded") - sumOf(earlier, "reverted") - (earlier.stay ?? 0);
  return own + earlierLeft(earlier);
}

function summary(plan: RolloutPlan, total: number): string {
  const { fleet, image, waves } = plan;
  if (fleet === 0) return "There is no running sentinel: nothing to roll out.";
  if (total === 0) return nothingToDo(plan);
  const sizes = waves.map(({ size }) => size).join(", ");
  return `A Rollout would now deploy ${image} to ${plural(total, "sentinel")} in ${plural(waves.length, "wave")} of ${sizes}.`;
}

function nothingToDo({ fleet, image }: Pick<RolloutPlan, "fleet" | "image">): string {
  const all =
    fleet === 1 ? "the one running sentinel already serves" : `all ${fleet} running sentinels already serve`;
  return `Nothing to roll out: ${all} ${image}.`;
}
