import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** How often (ms) it is looked how large the heap is, and whether there is something to give back. */
const LOOK_EVERY_MS = 5_000;
/** Less than this (bytes) is not worth the tenth of a second that it takes. */
const WORTH_IT_BYTES = 24 * 2 ** 20;

/** By how much (bytes) the heap may grow before it is cleaned up, and by which percentage at least and at most. */
const MOST_GROWTH_BYTES = 32 * 2 ** 20;
const LEAST_PERCENT = 15;
const MOST_PERCENT = 50;

/**
 * Left to itself, the heap grows with whatever memory the machine has before it is cleaned up. With a large fleet it would still
 * grow by half of what the fleet takes. What can be set only when Node starts is in the script `start` of package.json.
 */
export function keepHeapSmall(): void {
  let last: number | undefined;
  const look = () => {
    const growth = (100 * MOST_GROWTH_BYTES) / process.memoryUsage().heapUsed;
    const percent = Math.round(Math.min(MOST_PERCENT, Math.max(LEAST_PERCENT, growth)));
    if (percent !== last) setFlagsFromString(`--heap-growing-percent=${percent}`);
    last = percent;
  };
  look();
  setInterval(look, LOOK_EVERY_MS).unref();
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
