import { setTimeout as sleep } from "node:timers/promises";
import { call } from "../src/local-stack/restate-api.ts";
import type { FanOut, handlers, Steps } from "./bare/process.ts";
import { newImage } from "./fleet.ts";
import { timed } from "./numbers.ts";
import { type Remote, startRemote } from "./remote.ts";
import type { BenchStack } from "./stack.ts";

export interface Bare {
  bare: Remote<typeof handlers>;
  /** Drives one fan-out and tells its milliseconds. */
  fanOut(calls: number, steps: Steps, window: number): Promise<number>;
  /** The same, of Deploys without a rollout: nothing is recorded, and no lane waits for its turn. */
  deploys(calls: number, window: number): Promise<number>;
  /** The same, and how long exclusive calls of one object took beside it, in ms. */
  turnsBeside(calls: number, steps: Steps, window: number): Promise<number[]>;
}

/** From the answer of an exclusive call to the next one, in ms. */
const PAUSE_MS = 20;

/** The baseline as a service of its own. */
export async function bareFanOut(stack: BenchStack): Promise<Bare> {
  const bare = await startRemote<typeof handlers>(new URL("bare/process.ts", import.meta.url));
  stack.undo.add(() => bare.stop());
  await stack.restate.register(`http://127.0.0.1:${await bare.listen()}`);
  let round = 0;
  const asked = async (path: string, body: unknown) => {
    const { status, body: answer } = await call(stack.restate.ingress, path, body);
    if (status !== 200) throw new Error(`${path} failed: ${JSON.stringify(answer)}`);
  };
  const fanOut = (calls: number, steps: Steps, window: number) => {
    const job: FanOut = { calls, window, steps, round: ++round };
    return timed(() => asked(`bench.Driver/${round}/drive`, job));
  };
  const deploys = (calls: number, window: number) => {
    const steps = { runs: 0, sets: 0, clears: 0 };
    const job: FanOut = { calls, window, steps, round: ++round, image: newImage() };
    return timed(() => asked(`bench.Driver/${round}/drive`, job));
  };
  return {
    bare,
    fanOut,
    deploys,
    async turnsBeside(calls, steps, window) {
      const times: number[] = [];
      let over = false;
      const driven = fanOut(calls, steps, window).finally(() => {
        over = true;
      });
      while (!over) {
        times.push(await timed(() => asked("bench.Turn/one/turn", {})));
        await sleep(PAUSE_MS);
      }
      await driven;
      return times;
    },
  };
}
