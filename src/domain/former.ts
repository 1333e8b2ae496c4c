import type { Answer } from "./answer.ts";
import { cutForHead, KEPT_FAILURES } from "./cut-text.ts";
import type { Drive, LaneBook, SentinelResult } from "./drive-state.ts";
import type { Report } from "./event.ts";
import { entryOf } from "./history.ts";
import { count, marked } from "./lane-report.ts";
import { waveOf } from "./parts.ts";
import { inFlightOf, lanesOf, progressOf } from "./progress.ts";
import { recordPending } from "./record.ts";
import type { Failure, RolloutState } from "./state.ts";
import { laneKey } from "./state-keys.ts";
import type { Turn } from "./turn.ts";
import { viewOf, viewOfSuperseded } from "./view.ts";

const FORMERS = "former/";

export function formerKey(rolloutId: string): string {
  return `${FORMERS}${rolloutId}`;
}

/** Is it the value of one? It is written after the books of its lanes. */
export function isFormer(key: string): boolean {
  return key.startsWith(FORMERS);
}

/** A cancelled rollout whose Deploys were still in flight when another one began: its numbers and its drive. */
interface Former {
  rollout: RolloutState;
  drive: Drive;
}

/**
 * Keeps what a cancelled rollout still has in flight, for the one that begins takes its place in the state; and what was kept
 * of earlier ones that have not settled.
 * @returns what is to be written beside the new rollout
 */
export function keepFormers(turn: Turn): () => void {
  const { book } = turn;
  const earlier = book.keys().filter(isFormer);
  const kept = book.all<Former>(earlier).filter((former) => former !== undefined);
  const formers = kept.filter(({ drive }) => inFlightOf(lanesOf(drive)) > 0);
  const { drive } = turn;
  if (drive?.forward !== undefined && drive.forward.legacy === undefined) {
    recordPending(turn);
    const { rollout } = turn.driving();
    const entry = entryOf(rollout, turn.outcomes.splice(0), turn.nowMs);
    turn.others.push({ entry, revision: ++drive.revision });
    formers.push({ rollout, drive });
  }
  const lanes = formers.flatMap((former) => Object.keys(former.drive.lanes));
  const books = book
    .all<LaneBook>(lanes.map(laneKey))
    .map((value, i): [string, LaneBook] => [
      laneKey(lanes[i] ?? ""),
      { ...(value ?? { seq: 0, out: [] }), done: [] },
    ]);
  return () => {
    for (const former of formers) book.set(formerKey(former.rollout.rolloutId), former);
    for (const [key, value] of books) book.set(key, value);
  };
}

/** Its driver, or one of its lanes, was cancelled: its Deploys settle all the same. @returns undefined: it is not its own */
export function formerInterrupted(turn: Turn, rolloutId: string, invocationId: string): Answer | undefined {
  const former = formerOf(turn, rolloutId);
  if (former === undefined) return undefined;
  const lane = former.drive.forward?.invocationId === invocationId ? former.drive.forward.lane : 0;
  return { ...answerTo(turn, former, lane), accepted: true, rolloutId };
}

/**
 * A lane of that rollout reports: it is recorded in its numbers and in the history. What it was granted and has not launched, it
 * launches no more: a report that is repeated after its answer was lost asks for it in vain.
 * @returns undefined: it is not its lane
 */
export function formerReported(turn: Turn, report: Report): Answer | undefined {
  const former = formerOf(turn, report.rolloutId);
  if (former === undefined) return undefined;
  const lane = former.drive.lanes[report.lane];
  const key = laneKey(report.lane);
  const before = turn.book.get<LaneBook>(key) ?? { seq: 0, out: [], done: [] };
  const { grant, rung } = before;
  const launched = grant !== undefined && grant.n <= report.got;
  // It may have heard of it already by its bell: then it will say so, and that counts.
  const mayHear = grant !== undefined && !launched && rung === report.bell ? { grant, rung } : {};
  if (lane !== undefined && lane.seq !== report.seq) {
    const out = [...before.out, ...(launched ? grant.items : [])];
    const ids = new Set(out.map(({ id }) => id));
    // What took it before was cut short after its lane's book.
    const cut = before.seq === report.seq;
    const fresh = report.results.filter(({ id }) => cut || ids.has(id));
    const settled = new Set(fresh.map(({ id }) => id));
    const { bell } = report;
    const book: LaneBook = {
      seq: report.seq,
      out: out.filter(({ id }) => !settled.has(id)),
      done: [],
      ...(bell === undefined ? {} : { bell }),
    };
    count(lane, book);
    lane.seq = report.seq;
    turn.book.set(key, { ...book, ...mayHear });
    take(
      turn,
      former,
      fresh.map((result) => marked(out, result)),
    );
  } else if (lane !== undefined && grant !== undefined && !launched) {
    const { grant: _, ...book } = before;
    count(lane, book);
    turn.book.set(key, { ...book, ...mayHear });
  }
  const answer = answerTo(turn, former, report.lane);
  // Its driver is still told that all is done, by the bell in its book.
  const leaves = former.drive.forward?.lane === report.lane ? answer.driver?.done : answer.over;
  if (leaves) turn.book.clear(key);
  return { ...answer, accepted: true, rolloutId: report.rolloutId };
}

/** One of its lanes is gone: what it held is not known. @returns false: it is not its lane */
export function formerLaneLost(turn: Turn, rolloutId: string, n: number): boolean {
  const former = formerOf(turn, rolloutId);
  const lane = former?.drive.lanes[n];
  if (former === undefined || lane === undefined) return false;
  if (former.drive.settles !== undefined) former.drive.settles += lane.out + lane.launching;
  Object.assign(lane, { out: 0, launching: 0 });
  turn.book.clear(laneKey(n));
  end(turn, former);
  return true;
}

/**
 * The driver of a replaced rollout is gone. Nobody will report what was in flight, so the rollout is forgotten.
 * @returns false: the invocation did not drive it
 */
export function formerAbandoned(turn: Turn, rolloutId: string, invocationId: string, why: string): boolean {
  const former = formerOf(turn, rolloutId);
  if (former === undefined || former.drive.forward?.invocationId !== invocationId) return false;
  const { drive } = former;
  if (drive.settles !== undefined) drive.settles += inFlightOf(lanesOf(drive));
  for (const n of Object.keys(drive.lanes)) turn.book.clear(laneKey(n));
  drive.lanes = {};
  tellSettled(turn, former, why);
  turn.book.clear(formerKey(rolloutId));
  return true;
}

function formerOf(turn: Turn, rolloutId: string): Former | undefined {
  const former = turn.book.get<Former>(formerKey(rolloutId));
  return former === undefined ? undefined : structuredClone(former);
}

function take(turn: Turn, former: Former, results: readonly SentinelResult[]): void {
  const { rollout, drive } = former;
  const of = (is: SentinelResult["is"]) => results.filter((result) => result.is === is);
  const [failed, skipped] = [of("failed"), of("skipped")];
  rollout.waves = rollout.waves.map((wave, i) => {
    const own = results.filter(({ at, is }) => waveOf(at) === i && is !== "untouched");
    const count = (is: SentinelResult["is"]) => own.filter((result) => result.is === is).length;
    // It was counted as failed until now.
    const again = own.filter(({ retry }) => retry).length;
    return {
      ...wave,
      succeeded: wave.succeeded + count("succeeded"),
      failed: wave.failed + count("failed") - again,
      skipped: wave.skipped + count("skipped"),
    };
  });
  const again = new Set(results.flatMap(({ id, retry }) => (retry ? [id] : [])));
  rollout.failures = newest(
    rollout.failures.filter(({ id }) => !again.has(id)),
    failed,
  );
  rollout.skips = newest(rollout.skips, skipped);
  const outcomes = results.flatMap(({ id: sentinelId, at, is, why, durationMs }) => {
    if (is !== "succeeded" && is !== "failed" && is !== "skipped") return [];
    const reason = is === "succeeded" ? {} : { reason: why ?? "" };
    const took = durationMs === undefined ? {} : { durationMs };
    return [{ sentinelId, wave: waveOf(at) + 1, outcome: is, ...reason, ...took }];
  });
  turn.others.push({ entry: entryOf(rollout, outcomes, turn.nowMs), revision: ++drive.revision });
}

function answerTo(turn: Turn, former: Former, n: number): Pick<Answer, "over" | "driver"> {
  const { drive } = former;
  const driver = drive.forward?.lane;
  const lane = drive.lanes[n];
  end(turn, former, n);
  // A driver that paused before its wave was opened has no lane any more, and may still report that it opens it.
  const done = lane === undefined || inFlightOf(lanesOf(drive)) === 0;
  return {
    ...(lane === undefined || lane.out + lane.launching === 0 ? { over: true } : {}),
    ...(driver === n || lane === undefined ? { driver: { open: [], done, view: viewOfFormer(former) } } : {}),
    // Its rollback had ended, in a change that was cut short before its driver was told.
    ...(drive.rollback?.lane === n ? { driver: { open: [], done: true, view: viewOfFormer(former) } } : {}),
  };
}

/** Once nothing is in flight any more, its driver answers its caller, and Slack hears the count. */
function end(turn: Turn, former: Former, reporter?: number): void {
  const { rollout, drive } = former;
  tellSettled(turn, former, "a lane of its drive ended before its time");
  turn.book.set(formerKey(rollout.rolloutId), { rollout, drive } satisfies Former);
  const driver = drive.forward?.lane;
  if (driver === undefined || driver === reporter || inFlightOf(lanesOf(drive)) > 0) return;
  const { bell } = turn.book.get<LaneBook>(laneKey(driver)) ?? {};
  if (bell !== undefined) turn.rings.push({ bell });
}

/** @param why some results will never be known */
function tellSettled(turn: Turn, { rollout, drive }: Former, why: string): void {
  const { settles: lost } = drive;
  if (lost === undefined || inFlightOf(lanesOf(drive)) > 0) return;
  delete drive.settles;
  const because = lost === 0 ? {} : { why };
  turn.notifications.push({ kind: "settled", progress: progressOf(rollout, turn.nowMs), lost, ...because });
}

function viewOfFormer({ rollout, drive }: Former) {
  return viewOfSuperseded(viewOf(rollout, drive), "another rollout has started since");
}

function newest(before: readonly Failure[], added: readonly SentinelResult[]): Failure[] {
  const more = added.map(({ id, why }) => ({ id, reason: cutForHead(why ?? "unknown") }));
  return [...before, ...more].slice(-KEPT_FAILURES);
}
