import { setTimeout as sleep } from "node:timers/promises";
import { HEAD_KEY } from "../src/domain/state-keys.ts";
import { query } from "../src/local-stack/restate-api.ts";
import { RolloutObject } from "../src/restate/contract.ts";
import { lastUnderWay } from "./deploys.ts";
import { stateValues, type Value } from "./kv.ts";
import { timed } from "./numbers.ts";
import { status } from "./rollout.ts";
import { type BenchStack, rows, until } from "./stack.ts";

const LOOK_EVERY_MS = 250;
const SIZES_EVERY_MS = 5_000;

/** What is seen while something runs. */
export interface Seen {
  /** Ms until Status answered. */
  statusMs: number[];
  largest: Value;
  headBytes: number;
}

/** Asks Status, and looks at the sizes of the state from time to time, while something runs and once it is done. */
export async function watchedWhile(stack: BenchStack, work: () => Promise<unknown>): Promise<Seen> {
  const seen: Seen = { statusMs: [], largest: { key: "", bytes: 0 }, headBytes: 0 };
  const sizes = async () => {
    for (const value of await stateValues(stack)) {
      if (value.bytes > seen.largest.bytes) seen.largest = value;
      if (value.key === HEAD_KEY) seen.headBytes = Math.max(seen.headBytes, value.bytes);
    }
  };
  let over = false;
  const working = work().finally(() => {
    over = true;
  });
  const looking = async () => {
    let sizesMs = performance.now();
    while (!over) {
      seen.statusMs.push(await timed(() => status(stack)));
      if (performance.now() - sizesMs > SIZES_EVERY_MS) {
        await sizes();
        sizesMs = performance.now();
      }
      await sleep(LOOK_EVERY_MS);
    }
  };
  await Promise.all([working, looking()]);
  await sizes();
  return seen;
}

export interface Journal {
  handler: string;
  entries: number;
}

/** The largest journal of the rollout service's own invocations that there are now. */
export async function largestJournal(stack: BenchStack): Promise<Journal> {
  const [found] = await query<Journal>(
    stack.restate.admin,
    `SELECT target_handler_name AS handler, max(journal_size) AS entries FROM sys_invocation
      WHERE target_service_name = '${RolloutObject.name}' GROUP BY target_handler_name ORDER BY entries DESC LIMIT 1`,
  );
  return found ?? { handler: "", entries: Number.NaN };
}

/** Until Restate has taken what the service had said before it was killed. */
const SETTLED_MS = 500;

/**
 * Kills the service once half of the sentinels of a rollout have succeeded, and starts it again at once. Sentinels are
 * launched in the order of their ids, so it drives again as soon as one has begun whose id comes after all that had been
 * launched when it was killed.
 * @returns seconds from the start of the new process until then, and the largest journal at the kill
 */
export async function killAtHalf(
  stack: BenchStack,
  { sentinels, image }: { sentinels: number; image: string },
): Promise<{ seconds: number; journal: Journal }> {
  const half = async () => {
    const seen = await status(stack);
    return seen.image === image && seen.succeeded >= sentinels / 2;
  };
  await until("half of it is done", half, 900_000);
  const { process } = stack.service;
  await process.signal("SIGKILL");
  await sleep(SETTLED_MS);
  const journal = await largestJournal(stack);
  const [begun] = await rows<{ id: string | null }>(
    stack,
    `SELECT max(id) AS id FROM sentinels WHERE image = '${image}'`,
  );
  const last = [begun?.id ?? "", await lastUnderWay(stack)].sort().at(-1);
  const next = `SELECT 1 FROM (SELECT image FROM sentinels WHERE id > '${last}' ORDER BY id LIMIT 100) AS following
    WHERE image = '${image}' LIMIT 1`;
  const ms = await timed(async () => {
    const started = process.start();
    await until("it drives again", async () => (await rows(stack, next)).length > 0);
    await started;
  });
  return { seconds: ms / 1_000, journal };
}
