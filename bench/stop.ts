import { setTimeout as sleep } from "node:timers/promises";
import { call } from "../src/local-stack/restate-api.ts";
import type { StatusResponse } from "../src/restate/rollout-schemas.ts";
import { launchedSince } from "./deploys.ts";
import { newImage } from "./fleet.ts";
import { timed } from "./numbers.ts";
import { ended, ROLLOUT, startRollout, status, verb } from "./rollout.ts";
import { type BenchStack, until } from "./stack.ts";

const IN_ONE_WAVE = [100];
/** Between two questions to Status, in ms. */
const PAUSE_MS = 50;

export interface Stopped {
  /** Until Cancel answered. */
  ms: number;
  /** Deploys that were launched later than that. */
  late: number;
}

/**
 * A rollout in one wave that is cancelled at a moment.
 * @returns undefined when it was over before
 */
export async function stopAt(
  stack: BenchStack,
  comes: (seen: StatusResponse) => boolean,
): Promise<Stopped | undefined> {
  const image = newImage();
  const drive = await startRollout(stack, IN_ONE_WAVE, image);
  await until("the moment has come", async () => {
    const seen = await status(stack);
    return seen.image === image && (seen.state !== "in_progress" || comes(seen));
  });
  let refused = false;
  const ms = await timed(async () => {
    refused = (await call(stack.restate.ingress, `${ROLLOUT}/Cancel`)).status !== 200;
  });
  const answeredMs = Date.now();
  await ended(stack, drive);
  return refused ? undefined : { ms, late: (await launchedSince(stack, answeredMs)).length };
}

export interface Answers {
  status: number[];
  cancel: number[];
}

/** A rollout in one wave, watched for a while once its window is full, and then cancelled. */
export async function watchAndStop(
  stack: BenchStack,
  { window, lookMs }: { window: number; lookMs: number },
  answers: Answers,
): Promise<void> {
  const drive = await startRollout(stack, IN_ONE_WAVE);
  await until("the updates are under way", async () => (await status(stack)).in_flight >= 0.9 * window);
  const end = performance.now() + lookMs;
  while (performance.now() < end) {
    answers.status.push(await timed(() => status(stack)));
    await sleep(PAUSE_MS);
  }
  answers.cancel.push(await timed(() => verb(stack, "Cancel")));
  await ended(stack, drive);
}
