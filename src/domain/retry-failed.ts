import { sumOf } from "./counts.ts";
import type { PartPlan } from "./drive-state.ts";
import type { Event } from "./event.ts";
import { strandedDrive } from "./forward.ts";
import { assertNotFrozen } from "./freeze.ts";
import { freezeNow } from "./freeze-look.ts";
import { assertMeant } from "./guard.ts";
import { acknowledge } from "./limits.ts";
import { newLane } from "./new-lane.ts";
import { toldBy } from "./notification.ts";
import { partsOf } from "./parts.ts";
import { endForward } from "./pause.ts";
import { plural, progressOf } from "./progress.ts";
import { acknowledgedRegressions } from "./regressions.ts";
import { type Chosen, placesToRetry } from "./retries.ts";
import type { Part, Place } from "./state.ts";
import { PLAN_KEY, partKey, RETRY_KEY } from "./state-keys.ts";
import type { Turn } from "./turn.ts";

/** It is to deploy again what has not failed. */
export class NotFailedError extends Error {
  constructor(what: string) {
    super(`${what}: nothing was changed.`);
    this.name = "NotFailedError";
  }
}

/** The failed ones are deployed again: all of them, or those that the operator names. */
export function retryFailed(turn: Turn, event: Event & { type: "retryFailed" }): void {
  const { invocationId, sentinelIds, resume, ...guarded } = event;
  const before = assertMeant("RetryFailed", turn.rollout, guarded);
  const overrides = assertNotFrozen("RetryFailed", freezeNow(turn), turn.nowMs, guarded);
  turn.drive ??= strandedDrive(before);
  // The pause was cut short.
  endForward(turn);
  const { drive } = turn.driving();
  const failed = sumOf(turn.driving().rollout, "failed");
  if (failed === 0)
    throw new NotFailedError("RetryFailed finds no failed sentinel; Resume goes on with the rollout");
  const lane = drive.nextLane++;
  if (sentinelIds !== undefined) {
    const chosen: Chosen = { attempt: lane, ids: placesOfIds(turn, sentinelIds, failed) };
    turn.book.set(RETRY_KEY, chosen);
  }
  const found = turn.driving().rollout;
  turn.unpause("in_progress", { ...acknowledge(found), ...acknowledgedRegressions(found) });
  const { rollout } = turn.driving();
  const total = sentinelIds?.length ?? failed;
  drive.forward = {
    ...{ invocationId, lane, startedAtMs: turn.nowMs, firstWave: rollout.currentWave },
    retries: {
      ...{ total, settled: 0, failed: 0 },
      ...(sentinelIds === undefined ? {} : { chosen: true }),
      ...(resume ? { resume } : {}),
    },
    ...(overrides === undefined ? {} : { overrides }),
  };
  drive.lanes[lane] = { ...newLane("forward"), invocationId };
  turn.watch = invocationId;
  const progress = progressOf(rollout, turn.nowMs);
  turn.notifications.push({
    kind: "retrying",
    progress,
    retries: total,
    ...(resume ? { resume } : {}),
    ...toldBy(guarded),
  });
}

/** This many parts are read at once. */
const PARTS = 8;
/** An error names at most this many of them. */
const NAMED = 3;

/**
 * Where those with these ids stand: the parts in which they probably are first.
 * @throws NotFailedError when one of them is not among the failed
 */
function placesOfIds(turn: Turn, ids: readonly string[], failed: number): Record<Place, string[]> {
  const plan = turn.book.get<PartPlan[]>(PLAN_KEY) ?? [];
  const isLikely = (place: Place) =>
    plan.some(({ at, first, last }) => at === place && ids.some((id) => id >= first && id <= last));
  const places = placesToRetry(turn.tallies());
  const [likely, others] = [places.filter(isLikely), places.filter((place) => !isLikely(place))];
  const left = new Set(ids);
  const found: Record<Place, string[]> = {};
  for (const some of partsOf([...likely, ...others], PARTS)) {
    if (left.size === 0) break;
    for (const [i, part] of turn.book.all<Part>(some.map(partKey)).entries()) {
      const here = [...left].filter(
        (id) => part !== undefined && Object.hasOwn(part, id) && part[id]?.is === "failed",
      );
      if (here.length > 0) found[some[i] ?? ""] = here;
      for (const id of here) left.delete(id);
    }
  }
  if (left.size === 0) return found;
  const named = [...left].slice(0, NAMED).join(", ");
  const more = left.size > NAMED ? ` and ${left.size - NAMED} more` : "";
  const are = left.size === 1 ? "is" : "are";
  throw new NotFailedError(
    `${named}${more} ${are} not among the ${plural(failed, "failed sentinel")} of this rollout`,
  );
}
