import { call, send } from "../src/local-stack/restate-api.ts";
import type { RolloutResponse, StatusResponse } from "../src/restate/rollout-schemas.ts";
import { newImage } from "./fleet.ts";
import { timed } from "./numbers.ts";
import type { BenchStack } from "./stack.ts";

export const ROLLOUT = "hydra.v1.SentinelRolloutService/singleton";
export interface RolloutRun {
  ms: number;
  /** Milliseconds per sentinel. */
  each: number;
}

/** One rollout of a new image to its end. @throws Error unless it completes for all */
export async function rollout(
  stack: BenchStack,
  sentinels: number,
  waves?: number[],
  image = newImage(),
): Promise<RolloutRun> {
  const body = { image, ...(waves === undefined ? {} : { wave_percentages: waves }) };
  let answer: RolloutResponse | undefined;
  const ms = await timed(async () => {
    answer = (await call<RolloutResponse>(stack.restate.ingress, `${ROLLOUT}/Rollout`, body)).body;
  });
  if (answer?.state !== "completed" || answer.succeeded !== sentinels) {
    throw new Error(`the rollout did not complete for all: ${JSON.stringify(answer)}`);
  }
  return { ms, each: ms / sentinels };
}

/** Starts a rollout of a new image; resolves to the invocation's id. */
export function startRollout(stack: BenchStack, waves?: number[], image = newImage()): Promise<string> {
  const body = { image, ...(waves === undefined ? {} : { wave_percentages: waves }) };
  return send(stack.restate.ingress, `${ROLLOUT}/Rollout`, body);
}

export async function verb<T>(stack: BenchStack, name: string, body: unknown = {}): Promise<T> {
  const { status, body: answer } = await call<T>(stack.restate.ingress, `${ROLLOUT}/${name}`, body);
  if (status !== 200) throw new Error(`${name} answered ${status}: ${JSON.stringify(answer)}`);
  return answer;
}

export function status(stack: BenchStack): Promise<StatusResponse> {
  return verb<StatusResponse>(stack, "Status");
}

/** Waits for the end of an invocation. */
export async function ended(stack: BenchStack, invocationId: string): Promise<void> {
  const response = await fetch(`${stack.restate.ingress}/restate/invocation/${invocationId}/attach`);
  await response.arrayBuffer();
}
