import { select } from "../domain/candidates.ts";
import { plural } from "../domain/progress.ts";
import { DEFAULT_WAVE_PERCENTAGES, planWaves } from "../domain/waves.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { ConflictError } from "./errors.ts";
import type { PlanResponse, RolloutRequest } from "./schemas.ts";

/** What a Rollout would do now. */
export interface RolloutPlan {
  image: string;
  wavePercentages: number[];
  waves: string[][];
  previousImages: Record<string, string>;
  /** Running sentinels, those left out included. */
  fleet: number;
  leftOut: number;
}

/** So many ids of a wave are shown. */
const SHOWN_IDS = 20;

export async function planRollout(
  store: Pick<SentinelStore, "candidates">,
  request: RolloutRequest,
): Promise<RolloutPlan> {
  const { image, wave_percentages } = request;
  const candidates = await store.candidates();
  const { ids, previousImages, leftOut } = select(candidates, image);
  const wavePercentages = [...(wave_percentages ?? DEFAULT_WAVE_PERCENTAGES)];
  const waves = planWaves(ids, wavePercentages);
  return { image, wavePercentages, waves, previousImages, fleet: candidates.length, leftOut };
}

/** @throws ConflictError when there are sentinels and all of them serve the image already */
export function requireWork(plan: RolloutPlan): void {
  if (plan.fleet > 0 && plan.waves.length === 0) throw new ConflictError(nothingToDo(plan));
}

export function planResponse(plan: RolloutPlan): PlanResponse {
  const { image, waves, leftOut } = plan;
  const total = waves.reduce((sum, wave) => sum + wave.length, 0);
  return {
    image,
    total,
    waves: waves.map((ids, i) => ({ wave: i + 1, size: ids.length, sentinel_ids: ids.slice(0, SHOWN_IDS) })),
    left_out: leftOut === 0 ? [] : [{ reason: "already serves the image", count: leftOut }],
    message: summary(plan, total),
  };
}

function summary(plan: RolloutPlan, total: number): string {
  const { fleet, image, waves } = plan;
  if (fleet === 0) return "There is no running sentinel: nothing to roll out.";
  if (total === 0) return nothingToDo(plan);
  const sizes = waves.map((wave) => wave.length).join(", ");
  return `A Rollout would now deploy ${image} to ${plural(total, "sentinel")} in ${plural(waves.length, "wave")} of ${sizes}.`;
}

function nothingToDo({ fleet, image }: RolloutPlan): string {
  return `Nothing to roll out: all ${plural(fleet, "running sentinel")} already serve ${image}.`;
}
