/** What a rollback takes up late, once it is known. */

import type { Item, SentinelResult } from "./drive-state.ts";
import { dropLanes } from "./lanes.ts";
import { addLate, revertOf } from "./queue.ts";
import { recordPending } from "./record.ts";
import type { Entry, Part } from "./state.ts";
import { partKey } from "./state-keys.ts";
import type { Turn } from "./turn.ts";

/** A lane that stops to answer while the rollback runs is not waited for either: it may never launch what it was granted. */
export function writeOffSilent(turn: Turn): void {
  if (turn.rollout?.state !== "rolling_back" || turn.drive?.rollback?.legacy !== undefined) return;
  takeLost(
    turn,
    dropLanes(turn, (lane) => lane.of === "forward" && lane.silent !== undefined),
  );
}

/**
 * Sentinels of a forward drive settled while the rollback runs. It takes up those that took the image, and those whose Deploy
 * stood down: such a Deploy may have waited for one of an earlier rollout of the image.
 */
export function takeLate(turn: Turn, results: readonly SentinelResult[]): void {
  if (turn.rollout?.state !== "rolling_back") return;
  const { rollback } = turn.drive ?? {};
  if (results.length === 0 || rollback === undefined) return;
  recordPending(turn);
  if (rollback.legacy !== undefined) {
    // One of version 0.1 looks itself.
    if (results.some(({ is }) => is === "succeeded")) turn.ringLegacy(rollback);
    return;
  }
  followUp(turn, results);
}

function followUp(turn: Turn, settled: readonly Placed[]): void {
  const entryOf = entriesOf(turn, settled);
  addLate(
    turn,
    settled.flatMap((each) => {
      const entry = entryOf(each);
      return entry === undefined ? [] : revertOf(turn, each, entry);
    }),
  );
}

type Placed = Pick<Item, "id" | "at">;

function entriesOf(turn: Turn, items: readonly Placed[]): (item: Placed) => Entry | undefined {
  const places = [...new Set(items.map(({ at }) => at))];
  const parts = turn.book.all<Part>(places.map(partKey));
  return ({ id, at }) => parts[places.indexOf(at)]?.[id];
}

/** Takes up what was in flight on a lane that is gone: it is unknown whether it took the image. */
export function takeLost(turn: Turn, lost: readonly Item[]): void {
  if (turn.rollout?.state !== "rolling_back" || lost.length === 0) return;
  // One of version 0.1 looks itself, once it hears that nothing is in flight any more.
  if (turn.drive?.rollback?.legacy !== undefined) return;
  // The result of some may have been recorded by a change that was cut short.
  followUp(turn, lost);
}

/** Takes up sentinels that failed without a record, in a rollback that returns failed ones, too. */
export function takeFound(turn: Turn, results: readonly SentinelResult[]): void {
  if (!turn.rollout?.revertsFailed) return;
  const found = results.filter(({ is }) => is === "failed");
  if (found.length === 0) return;
  recordPending(turn);
  followUp(turn, found);
}
