import type { Held } from "./answer.ts";
import type { Event } from "./event.ts";
import { takeLate, writeOffSilent } from "./follow-up.ts";
import { count, isRecorded, marked } from "./lane-report.ts";
import { pendingOf, progressOf } from "./progress.ts";
import { ramp } from "./ramp.ts";
import { countRetries } from "./retries.ts";
import { countReverts } from "./rollback.ts";
import { laneKey } from "./state-keys.ts";
import type { Turn } from "./turn.ts";

type SilenceEvent = Event & { type: "silent" | "found" | "ask" };

export function heldBySilent(turn: Turn): Held[] {
  const { rollout, drive } = turn.driving();
  return Object.entries(drive.lanes).flatMap(([n, lane]) => {
    if (lane.silent === undefined || lane.out + lane.launching === 0) return [];
    const { out, grant } = turn.laneBook(n);
    const sinceMs = lane.of === "forward" ? forwardSince(turn) : (drive.rollback?.startedAtMs ?? 0);
    return [{ lane: Number(n), items: [...out, ...(grant?.items ?? [])], image: rollout.image, sinceMs }];
  });
}

/** What the row says of an earlier attempt is not what a retry came to. */
function forwardSince(turn: Turn): number {
  const { rollout, drive } = turn.driving();
  return drive.forward?.retries === undefined ? rollout.waveStartedAtMs : drive.forward.startedAtMs;
}

/** @returns false when it is about a rollout that is over */
export function silenced(turn: Turn, event: SilenceEvent): boolean {
  if (turn.drive === undefined || turn.drive.rolloutId !== event.rolloutId) return false;
  if (event.type === "silent") {
    mark(turn, event);
    writeOffSilent(turn);
  }
  if (event.type === "found") takeFound(turn, event);
  if (event.type === "ask") askAll(turn);
  return true;
}

/**
 * Another watchdog takes over. Asking twice is the same as asking once: the first change may have been killed before it answered.
 * @returns false if there is nothing more to watch, or a later watchdog has taken over already
 */
export function relieved(turn: Turn, event: Event & { type: "relieve" }): boolean {
  if (turn.drive === undefined || turn.drive.rolloutId !== event.rolloutId) return false;
  const { forward, rollback } = turn.drive;
  const driver = [forward, rollback].find((each) => each?.invocationId === event.invocationId);
  const now = driver?.watchdog ?? 0;
  if (driver === undefined || now < event.number - 1 || now > event.number) return false;
  driver.watchdog = event.number;
  return true;
}

/** Each lane says something, if it can. */
function askAll(turn: Turn): void {
  const lanes = Object.keys(turn.drive?.lanes ?? {});
  turn.book.all(lanes.map(laneKey));
  for (const n of lanes) turn.ring(n);
}

/** Marks the lanes that do not answer and unmarks the others. Slack is told when the first lane is marked. */
function mark(turn: Turn, { silent }: Event & { type: "silent" }): void {
  const { rollout, drive } = turn.driving();
  const known = Object.values(drive.lanes).some((lane) => lane.silent !== undefined);
  const byId = new Map(silent.map((each) => [each.invocationId, each]));
  let first: { invocationId: string; why: string } | undefined;
  for (const lane of Object.values(drive.lanes)) {
    const silence = byId.get(lane.invocationId ?? "");
    if (silence === undefined) delete lane.silent;
    else {
      first ??= { invocationId: silence.invocationId, why: silence.why };
      lane.silent = { sinceMs: lane.silent?.sinceMs ?? silence.sinceMs, why: silence.why };
    }
  }
  if (known || first === undefined) return;
  const rollingBack = rollout.state === "rolling_back";
  turn.notifications.push({
    kind: "silent",
    progress: progressOf(rollout, turn.nowMs, drive),
    ...first,
    rollingBack,
  });
}

/** What the rows tell of the sentinels of a lane that does not answer counts as if it had reported it. */
function takeFound(turn: Turn, { lane: n, results }: Event & { type: "found" }): void {
  const { drive } = turn.driving();
  const lane = drive.lanes[n];
  if (lane === undefined) return;
  const book = turn.laneBook(n);
  const items = [...book.out, ...(book.grant?.items ?? [])];
  const found = results.filter(({ id }) => items.some((item) => item.id === id));
  const ids = new Set(found.map(({ id }) => id));
  const { grant } = book;
  const left = grant?.items.filter(({ id }) => !ids.has(id)) ?? [];
  const next = {
    ...book,
    out: book.out.filter(({ id }) => !ids.has(id)),
    done: [...book.done, ...found.map((result) => marked(items, result)).filter(isRecorded)],
    ...(grant === undefined ? {} : { grant: { ...grant, items: left } }),
  };
  turn.setLaneBook(n, next);
  count(lane, next);
  if (pendingOf(lane) > 0) {
    drive.pending ??= { sinceMs: turn.nowMs, lane: n };
  }
  if (lane.of === "forward") {
    countRetries(turn, found);
    ramp(turn, found);
    takeLate(turn, found);
  } else countReverts(turn, found);
}
