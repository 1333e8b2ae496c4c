import type { Item, Lane, LaneBook, SentinelResult } from "./drive-state.ts";
import type { Report } from "./event.ts";
import { waveOf } from "./parts.ts";
import { pendingOf } from "./progress.ts";
import { RECORD_AFTER_MS, recordPending } from "./record.ts";
import { laneKey } from "./state-keys.ts";
import type { Turn } from "./turn.ts";

/**
 * What a lane says: that it launched its grant, and what became of earlier ones. Said twice it counts once. The lane's own
 * numbers are taken from its book, so that a report that was cut short in the middle is made whole by the next.
 * @returns the results that are new
 */
export function takeReport(turn: Turn, report: Report): SentinelResult[] {
  const { drive } = turn.driving();
  const lane = drive.lanes[report.lane];
  if (lane === undefined) return [];
  const before = turn.laneBook(report.lane);
  const repeated = lane.seq === report.seq;
  // Only its book has it: what took it was cut short.
  const cut = !repeated && before.seq === report.seq;
  const launched = before.grant !== undefined && before.grant.n <= report.got;
  const { grant } = before;
  const kept = launched ? undefined : grant;
  const out = [...before.out, ...(launched && grant !== undefined ? grant.items : [])];
  const settled = new Map(report.results.map((result) => [result.id, result]));
  const known = new Set(before.done.map(({ id }) => id));
  const flying = new Set(out.map(({ id }) => id));
  const fresh = report.results.filter(({ id }) => repeated || cut || flying.has(id));
  const book: LaneBook = {
    seq: report.seq,
    out: out.filter(({ id }) => !settled.has(id)),
    ...(kept === undefined ? {} : { grant: kept }),
    done: [
      ...before.done,
      ...fresh
        .map((result) => marked(out, result))
        .filter((result) => isRecorded(result) && !known.has(result.id)),
    ],
    ...bellsAfter(before, report),
  };
  turn.setLaneBook(report.lane, book);
  lane.invocationId = report.invocationId;
  lane.seenMs = turn.nowMs;
  delete lane.silent;
  count(lane, book);
  lane.seq = report.seq;
  if (pendingOf(lane) > 0) drive.pending ??= { sinceMs: turn.nowMs, lane: report.lane };
  if (repeated || cut) {
    // The change that took it first may have been killed before it recorded and rang.
    recordPending(turn);
    ringAgain(turn);
  }
  if (repeated) return [];
  // A rollback finds out by itself what is recorded already.
  if (cut) {
    return lane.of === "forward" ? fresh.filter(({ id, is }) => known.has(id) || is === "untouched") : fresh;
  }
  return fresh.filter(({ id }) => !known.has(id));
}

/** Rings again the bells that a killed change may not have rung. */
export function ringAgain(turn: Turn): void {
  const { drive } = turn.driving();
  const lanes = Object.keys(drive.lanes);
  turn.book.all(lanes.map(laneKey));
  for (const n of lanes) {
    const { rung, grant } = turn.laneBook(n);
    if (rung === undefined) continue;
    turn.rings.push({ bell: rung, ...(grant === undefined ? {} : { grant }) });
  }
}

/** A bell that was rung is not rung again: the lane will tell of another one. */
function bellsAfter({ rung }: LaneBook, { bell }: Report): Pick<LaneBook, "bell" | "rung"> {
  if (bell === undefined) return {};
  return rung === bell ? { rung } : { bell };
}

/** A lane says what became of a sentinel, but not how it is counted: its item does. */
export function marked(items: readonly Item[], result: SentinelResult): SentinelResult {
  const item = items.find(({ id }) => id === result.id);
  if (item?.retry) return retried(item, result);
  return item?.from !== undefined && item.earlier ? { ...result, earlier: true } : result;
}

/**
 * In a rollback, `untouched` means that the retry did not bring the sentinel up: it has failed. Forward, it says nothing of the
 * attempts before.
 */
function retried({ from }: Item, result: SentinelResult): SentinelResult {
  if (result.is !== "untouched") return { ...result, retry: true };
  if (from === undefined) return result;
  return { id: result.id, at: result.at, is: "failed", unrecorded: true, retry: true };
}

/** What did not revert stays as it is recorded, if it is. */
export function isRecorded({ is, unrecorded }: SentinelResult): boolean {
  return is !== "untouched" && (is !== "missed" || unrecorded === true);
}

/** A lane's numbers, from its book. */
export function count(lane: Lane, { out, grant, done }: LaneBook): void {
  const own = done.filter((result) => !isEarlier(result) && !result.earlier);
  const earlier = done.filter(isEarlier);
  const back = ({ is }: SentinelResult) => is === "reverted";
  const of = (is: SentinelResult["is"]) => own.filter((result) => result.is === is).length;
  const firstOf = (results: SentinelResult[]) =>
    results.filter(({ is, unrecorded }) => unrecorded && is !== "failed").length;
  Object.assign(lane, {
    out: out.length,
    succeeded: of("succeeded") + firstOf(own),
    failed: of("failed"),
    skipped: of("skipped"),
    reverted: of("reverted"),
    stays: own.filter(stays).length,
    earlierOut: out.filter(isEarlier).length,
    earlierTook: firstOf(earlier),
    earlierReverted: earlier.filter(back).length,
    earlierStays: earlier.filter(stays).length,
  });
  const leftOver = done.filter((result) => result.earlier);
  setCounts(lane, {
    againOut: out.filter(isAgain).length,
    unrecordedOut: out.filter(isUnrecorded).length,
    leftOverReverted: leftOver.filter(back).length,
    leftOverStays: leftOver.filter(stays).length,
    retryOut: out.filter(isRetry).length,
    retryDone: done.filter((result) => result.retry).length,
    leftOverOut: out.filter(isLeftOver).length,
  });
  countLaunching(lane, grant?.items ?? []);
}

/** Counts what is granted and not said to be launched. */
export function countLaunching(lane: Lane, items: readonly Item[]): void {
  lane.launching = items.length;
  lane.earlierLaunching = items.filter(isEarlier).length;
  setCounts(lane, {
    againLaunching: items.filter(isAgain).length,
    unrecordedLaunching: items.filter(isUnrecorded).length,
    retryLaunching: items.filter(isRetry).length,
    leftOverLaunching: items.filter(isLeftOver).length,
  });
}

type Counts =
  | ("againOut" | "againLaunching" | "leftOverReverted" | "leftOverStays")
  | ("unrecordedOut" | "unrecordedLaunching")
  | ("retryOut" | "retryLaunching" | "retryDone" | "leftOverOut" | "leftOverLaunching");

/** A count of 0 is stored as absent. */
function setCounts(lane: Lane, counts: Partial<Record<Counts, number>>): void {
  for (const [what, count] of Object.entries(counts) as [keyof typeof counts, number][]) {
    if (count > 0) lane[what] = count;
    else delete lane[what];
  }
}

function isAgain({ earlier, from, retry }: Item): boolean {
  return earlier === true && from === undefined && !retry;
}

function isRetry({ retry }: Item): boolean {
  return retry === true;
}

/** An earlier rollout had deployed it, it failed in this one, and is deployed again. */
function isLeftOver({ earlier, from, retry }: Item): boolean {
  return earlier === true && from === undefined && retry === true;
}

function isUnrecorded({ unrecorded }: Item): boolean {
  return unrecorded === true;
}

function stays({ is }: SentinelResult): boolean {
  return is === "gone" || is === "moved";
}

function isEarlier({ at }: Pick<Item, "at">): boolean {
  return waveOf(at) < 0;
}

/**
 * Results are recorded once one book has MOST_PENDING_OF_A_LANE, or MOST_REASONS_OF_A_LANE with reasons, or all books
 * together have MOST_PENDING. So no value and no journal grows beyond its bounds.
 */
const MOST_PENDING_OF_A_LANE = 160;
const MOST_REASONS_OF_A_LANE = 64;
const MOST_PENDING = 1_000;

/** Records results that have waited long enough, that are many, or whose lane cannot see to them any more. */
export function recordIfDue(turn: Turn): void {
  const { drive } = turn.driving();
  const { pending } = drive;
  if (pending === undefined) return;
  const lane = drive.lanes[pending.lane];
  const left = lane === undefined || lane.over === true || lane.silent !== undefined;
  // A sentinel that settles once a rollback has begun may be one that an earlier rollout deployed: only its part says so.
  const late = turn.driving().rollout.countsTakenOver === true && lane?.of === "forward";
  const lanes = Object.values(drive.lanes);
  const much =
    lanes.some(
      (each) => pendingOf(each) >= MOST_PENDING_OF_A_LANE || reasonsOf(each) >= MOST_REASONS_OF_A_LANE,
    ) || lanes.reduce((sum, each) => sum + pendingOf(each), 0) >= MOST_PENDING;
  if (left || late || much || turn.nowMs - pending.sinceMs >= RECORD_AFTER_MS) recordPending(turn);
}

function reasonsOf({ failed, skipped, stays, earlierStays }: Lane): number {
  return failed + skipped + stays + earlierStays;
}
