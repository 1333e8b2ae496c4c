import { type ObjectSharedContext, rpc } from "@restatedev/restate-sdk";
import { serves } from "../domain/candidates.ts";
import type { PartPlan } from "../domain/drive-state.ts";
import { PART_SIZE, waitingPart } from "../domain/parts.ts";
import type { Part } from "../domain/state.ts";
import { PLAN_KEY, TALLIES_KEY } from "../domain/state-keys.ts";
import type { Tallies } from "../domain/tally.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { RolloutObject } from "../restate/contract.ts";
import { previousImage } from "./planned-waves.ts";
import { requestChange } from "./request-change.ts";
import { type CountBytes, load, readHead } from "./state.ts";

export interface LoadOptions {
  store: Pick<SentinelStore, "candidatePages">;
  countBytes: CountBytes;
}

/** One invocation reads at most this many parts, so that its journal does not grow with the fleet. */
const PARTS = 8;

/**
 * Reads the next parts of a large fleet into the state: as many as one journal takes.
 * @returns how many parts are left
 */
export async function loadParts(
  ctx: ObjectSharedContext,
  { rolloutId }: { rolloutId: string },
  { store, countBytes }: LoadOptions,
): Promise<{ left: number }> {
  const { rollout } = await readHead(ctx, countBytes);
  if (rollout?.rolloutId !== rolloutId) return { left: 0 };
  const { image } = rollout;
  const loaded = new Map<string, unknown>();
  await load(ctx, loaded, [PLAN_KEY, TALLIES_KEY], countBytes);
  const tallies = (loaded.get(TALLIES_KEY) ?? {}) as Tallies;
  const missing = ((loaded.get(PLAN_KEY) ?? []) as PartPlan[]).filter(({ at }) => tallies[at] === undefined);
  const left = Math.max(0, missing.length - PARTS);
  for (const { at, first, last } of missing.slice(0, PARTS)) {
    const part = await ctx.run(`read part ${at}`, () => readPart(store, image, first, last));
    let staged = await requestChange(ctx, `part ${at}`, { type: "stage", rolloutId, at, part });
    while (staged.again)
      staged = await requestChange(ctx, `part ${at}`, { type: "stage", rolloutId, at, part: {} });
    if (!staged.accepted) return { left: 0 };
  }
  // Another invocation reads the rest, even if the rollout is paused. So each sentinel's image is captured soon after the
  // start.
  if (left > 0) {
    const idempotencyKey = `load ${rolloutId} ${left}`;
    ctx.objectSendClient(RolloutObject, ctx.key).Load({ rolloutId }, rpc.sendOpts({ idempotencyKey }));
  }
  return { left };
}

async function readPart(
  store: LoadOptions["store"],
  image: string,
  first: string,
  last: string,
): Promise<Part> {
  const due: { id: string; from: string }[] = [];
  for await (const page of store.candidatePages({ first, last })) {
    for (const candidate of page) {
      if (!serves(candidate, image)) due.push({ id: candidate.id, from: previousImage(candidate) });
    }
  }
  return waitingPart(due.slice(0, PART_SIZE));
}
