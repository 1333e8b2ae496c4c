import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** How often (ms) it is looked whether there is something to give back. */
const LOOK_EVERY_MS = 5_000;
/** Less than this (bytes) is not worth the tenth of a second that it takes. */
const WORTH_IT_BYTES = 24 * 2 ** 20;

/**
 * Left to itself, the heap grows with whatever memory the machine has before it is cleaned up. What can be set only when Node
 * starts is in the script `start` of package.json.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--heap-growing-percent=50");
}

/**
 * Gives back to the machine what a wave, or a LIST of a large fleet, has left behind: V8 itself keeps it for the next one,
 * and the service mostly has nothing to do. Never while there is work: it stops the process for a moment.
 */
export function giveMemoryBack(idle: () => boolean): { stop(): void } {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as NodeJS.GCFunction;
  let afterwards = 0;
  const timer = setInterval(() => {
    if (!idle() || process.memoryUsage.rss() - afterwards < WORTH_IT_BYTES) return;
    collect({ type: "major", flavor: "last-resort" });
    afterwards = process.memoryUsage.rss();
  }, LOOK_EVERY_MS).unref();
  return { stop: () => clearInterval(timer) };
}
