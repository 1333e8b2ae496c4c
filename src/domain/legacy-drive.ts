import { countedWaves } from "./counts.ts";
import type { Item, SentinelResult } from "./drive-state.ts";
import type { Event } from "./event.ts";
import { takeLate } from "./follow-up.ts";
import { concludeForward, openWave } from "./forward.ts";
import { takeReport } from "./lane-report.ts";
import type { LegacyEvent, LegacyOrder, LegacyReport, LegacyResult } from "./legacy-report.ts";
import { placesOf, waveOf } from "./parts.ts";
import { endForward } from "./pause.ts";
import { take } from "./queue.ts";
import { recordPending } from "./record.ts";
import { endRollback } from "./rollback.ts";
import type { Part } from "./state.ts";
import { partKey, TALLIES_KEY } from "./state-keys.ts";
import { tallyOf } from "./tally.ts";
import type { Turn } from "./turn.ts";

/** What it means now; undefined: something that it was only about to begin, which is refused. */
export function legacyEvent(event: LegacyEvent): Event | undefined {
  switch (event.type) {
    case "begin":
    case "resume":
    case "beginRollback":
      return undefined;
    case "cancel":
      return { type: "cancel" };
    case "abandon":
      return { type: "abandon", invocationId: event.drive, reason: event.reason };
    default:
      return { type: "legacy", report: event };
  }
}

/** @returns undefined for the report of a drive that is no longer the rollout's: nothing was changed */
export function legacyReported(turn: Turn, report: LegacyReport): LegacyOrder | undefined {
  switch (report.type) {
    case "record":
    case "finishWave":
    case "interrupt":
      return forwardReported(turn, report);
    case "listen":
    case "recordReverted":
    case "finishRollback":
      return rollbackReported(turn, report);
  }
}

function forwardReported(
  turn: Turn,
  report: LegacyReport & { type: "record" | "finishWave" | "interrupt" },
): LegacyOrder | undefined {
  const { drive } = turn;
  const forward = drive?.forward;
  if (drive === undefined || forward === undefined || forward.invocationId !== report.drive) return undefined;
  const lane = drive.lanes[forward.lane];
  if (lane === undefined) return undefined;
  const out = new Map(turn.laneBook(forward.lane).out.map((item) => [item.id, item]));
  const results = report.results.flatMap((result) => {
    const item = out.get(result.id);
    return item === undefined ? [] : [resultOf(item, result)];
  });
  const { invocationId } = forward;
  const fresh = takeReport(turn, {
    type: "report",
    rolloutId: drive.rolloutId,
    lane: forward.lane,
    seq: lane.seq + 1,
    got: lane.grants,
    due: false,
    ...{ results, invocationId },
  });
  recordPending(turn);
  takeLate(turn, fresh);
  if (report.type === "record") return {};
  // What it has not launched it will not launch any more.
  turn.setLaneBook(forward.lane, { ...turn.laneBook(forward.lane), out: [] });
  lane.out = 0;
  if (report.type === "interrupt") forward.stopping ??= report.reason;
  concludeForward(turn);
  return nextWave(turn);
}

/** All of a wave goes to the one lane of such a drive. */
function nextWave(turn: Turn): LegacyOrder {
  const { rollout, drive } = turn.driving();
  const { forward } = drive;
  if (rollout.state !== "in_progress" || forward === undefined) return {};
  openWave(turn, { wave: rollout.currentWave, window: 1 });
  const items: Item[] = [];
  for (let taken = take(turn, Infinity); taken.length > 0; taken = take(turn, Infinity)) items.push(...taken);
  turn.setLaneBook(forward.lane, { ...turn.laneBook(forward.lane), out: items });
  const lane = drive.lanes[forward.lane];
  if (lane !== undefined) lane.out = items.length;
  const { image, waves, currentWave } = turn.driving().rollout;
  return { wave: { number: currentWave + 1, of: waves.length, image, ids: items.map(({ id }) => id) } };
}

function resultOf({ id, at }: Item, { failure, skipped, durationMs }: LegacyResult): SentinelResult {
  const took = durationMs === undefined ? {} : { durationMs };
  if (skipped !== undefined) return { id, at, is: "skipped", why: skipped, ...took };
  return failure === undefined
    ? { id, at, is: "succeeded", ...took }
    : { id, at, is: "failed", why: failure, ...took };
}

function rollbackReported(
  turn: Turn,
  report: LegacyReport & { type: "listen" | "recordReverted" | "finishRollback" },
): LegacyOrder | undefined {
  const { rollout, drive } = turn;
  const rollback = drive?.rollback;
  if (rollout?.state !== "rolling_back" || rollback === undefined) return undefined;
  if (rollback.invocationId !== report.drive) return undefined;
  if (report.type === "listen") {
    rollback.legacy = { signal: report.signal };
    return { scope: scopeOf(turn) };
  }
  recordReverted(turn, report.ids);
  rollback.reverted += report.ids.length;
  if (report.type === "recordReverted") return {};
  Object.assign(rollback, {
    reverted: report.reverted,
    missed: report.targets - report.reverted,
    failures: report.failures,
  });
  endRollback(turn, report.interruption);
  if (drive?.forward !== undefined && Object.keys(drive.lanes).length === 0) endForward(turn);
  return {};
}

/** Such a drive names sentinels, not their places. */
function recordReverted(turn: Turn, ids: readonly string[]): void {
  const reverted = new Set(ids);
  const tallies = { ...turn.tallies() };
  for (const [at, part] of allParts(turn)) {
    const hit = Object.entries(part).filter(
      ([id, { is }]) => reverted.has(id) && (is === "succeeded" || is === "waiting"),
    );
    if (hit.length === 0) continue;
    const next = { ...part };
    for (const [id, entry] of hit) {
      next[id] = { ...entry, is: "reverted" };
      const wave = waveOf(at) + 1;
      // A sentinel that was reverted and had no record before has taken the image, too.
      if (entry.is === "waiting") turn.outcomes.push({ sentinelId: id, wave, outcome: "succeeded" });
      turn.outcomes.push({ sentinelId: id, wave, outcome: "reverted" });
    }
    turn.book.set(partKey(at), next);
    tallies[at] = tallyOf(next);
  }
  turn.book.set(TALLIES_KEY, tallies);
  turn.become({ waves: countedWaves(turn.driving().rollout.waves, tallies) });
}

function scopeOf(turn: Turn): NonNullable<LegacyOrder["scope"]> {
  const { rollout, drive } = turn.driving();
  const settled = drive.forward === undefined;
  const all = allParts(turn).flatMap(([at, part]) =>
    Object.entries(part).map(([id, { from, is }]) => ({ id, image: from, is, wave: waveOf(at) })),
  );
  const targets = (is: string, wave?: number) =>
    all
      .filter((each) => each.is === is && (wave === undefined || each.wave === wave))
      .map(({ id, image }) => ({ id, image }))
      .reverse();
  return {
    image: rollout.image,
    recorded: targets("succeeded"),
    unrecorded: settled ? targets("waiting", rollout.currentWave) : [],
    settled,
  };
}

function allParts(turn: Turn): [string, Part][] {
  const places = placesOf(turn.tallies());
  const parts = turn.book.all<Part>(places.map(partKey));
  return places.map((at, i) => [at, parts[i] ?? {}]);
}
