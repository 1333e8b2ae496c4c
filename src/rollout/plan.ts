import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import { sumOf } from "../domain/counts.ts";
import { plural } from "../domain/progress.ts";
import { UnreadableError } from "../domain/readable.ts";
import { span } from "../domain/spans.ts";
import type { RolloutState } from "../domain/state.ts";
import { earlierLeft, takenOverNote, takesOver } from "../domain/taken-over.ts";
import type { PlanResponse } from "../restate/plan-schemas.ts";
import type { RolloutRequest } from "../restate/rollout-requests.ts";
import { selectSentinels } from "./fleet.ts";
import { assertInFlight, limitsOf } from "./limits-of.ts";
import type { RolloutOptions } from "./options.ts";
import { nothingToDo, type PlannedWaves } from "./planned-waves.ts";
import { readHead } from "./state.ts";

/** Tells which waves a Rollout would run now: reads the fleet as it would, and changes nothing. */
export async function plan(
  ctx: ObjectSharedContext,
  request: RolloutRequest,
  options: RolloutOptions,
): Promise<PlanResponse> {
  const present = await readablePresent(ctx, options);
  await assertInFlight(ctx, request, options);
  const askedMs = await ctx.date.now();
  const planned = await selectSentinels(ctx, options.store, request, askedMs);
  return planResponse(planned, present, limitsOf(request, planned).limits?.soakSeconds);
}

/** The present rollout. An unreadable one is no reason not to plan. */
async function readablePresent(
  ctx: ObjectSharedContext,
  { countBytes }: RolloutOptions,
): Promise<RolloutState | undefined> {
  try {
    return (await readHead(ctx, countBytes)).rollout;
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

/**
 * @param earlier the present rollout: what it deployed is taken over, where it was cancelled
 * @param soaks how long (seconds) each wave soaks; absent: no soak was asked for
 */
export function planResponse(
  plan: PlannedWaves,
  earlier?: RolloutState,
  soaks?: readonly number[],
): PlanResponse {
  const { image, waves, leftOut, total } = plan;
  const takenOver = takesOver(earlier, image) ? Math.min(leftOut, movedBy(earlier)) : 0;
  return {
    image,
    total,
    waves: waves.map(({ size, shownIds }, i) => ({
      ...{ wave: i + 1, size, sentinel_ids: shownIds },
      ...(soaks === undefined ? {} : { soak_seconds: soaks[i] ?? 0 }),
    })),
    taken_over: takenOver,
    left_out: leftOut === 0 ? [] : [{ reason: "already serves the image", count: leftOut }],
    message: `${summary(plan, total, soaks)}${takenOverNote({ takenOver: { size: takenOver, reverted: 0 } })}`,
  };
}

function movedBy(earlier: RolloutState): number {
  const own = sumOf(earlier, "succeeded") - sumOf(earlier, "reverted") - (earlier.stay ?? 0);
  return own + earlierLeft(earlier);
}

function summary(plan: PlannedWaves, total: number, soaks: readonly number[] = []): string {
  const { fleet, image, waves } = plan;
  if (fleet === 0) return "There is no running sentinel: nothing to roll out.";
  if (total === 0) return nothingToDo(plan);
  const sizes = waves.map(({ size }) => size).join(", ");
  return `A Rollout would now deploy ${image} to ${plural(total, "sentinel")} in ${plural(waves.length, "wave")} of ${sizes}${soaking(soaks)}.`;
}

function soaking(soaks: readonly number[]): string {
  const spans = soaks.map((seconds) => span(seconds * 1_000));
  if (soaks.every((seconds) => seconds === 0)) return "";
  if (spans.length === 1) return `, soaking ${spans[0]}`;
  return new Set(soaks).size === 1 ? `, each soaking ${spans[0]}` : `, soaking ${spans.join(", ")}`;
}
