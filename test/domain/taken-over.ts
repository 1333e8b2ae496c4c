import type { Part } from "../../src/domain/state.ts";
import { begin, cancel, failed, type Play, played, ready } from "./machines.ts";

export const V1 = "sentinel:v1";
export const V0 = "sentinel:v0";

/** `a` and `b` took the image, `c` failed; then an operator stopped. */
export const cancelled = () =>
  played((play) => {
    play.second().report([ready("b"), failed("c")]);
    play.do(cancel());
  });

export function takenOver(play: Play): Record<string, Part> {
  const keys = [...play.kv.keys()].filter((key) => key.startsWith("rolloutState/taken-over/"));
  return Object.fromEntries(keys.map((key) => [key, play.kv.get(key) as Part]));
}

/** A rollout whose first wave is open. */
export function opened(play: Play, event: Parameters<Play["drives"]>[0]) {
  const driver = play.drives(event);
  driver.open(0);
  return driver;
}

export const retry = begin("rollout-2", [[["c", V0]]]);
