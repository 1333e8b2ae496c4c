import { guardLine } from "../domain/guard.ts";
import { duration } from "../domain/spans.ts";
import type { StatusResponse } from "../restate/rollout-schemas.ts";
import { detailRows } from "./detail-rows.ts";
import { countdown, healthRows, isSoaking, regressionRows } from "./soak-rows.ts";

const BAR_WIDTH = 30;
const SHOWN_FAILURES = 5;
/** However many failures there are, this many lines are left for the waves. */
const LEAST_WAVE_ROWS = 3;

/** One wave as `Status` tells it: waves are finished in order, so the totals say how far each one is. */
export interface WaveProgress {
  /** Counted from 1. */
  number: number;
  size: number;
  /** With a result, good or bad. */
  done: number;
}

export function wavesOf(status: StatusResponse): WaveProgress[] {
  let results = status.succeeded + status.failed + status.skipped;
  return status.wave_sizes.map((size, i) => {
    const done = Math.max(0, Math.min(size, results));
    results -= done;
    return { number: i + 1, size, done };
  });
}

/** Of a terminal, in characters. */
export interface Size {
  columns: number;
  rows: number;
}

/** What is shown beside the rollout itself. */
export interface Beside {
  /** Why the picture may be old. */
  trouble?: string | undefined;
  /** The keys, and what became of them; absent: there are none. */
  desk?: readonly string[] | undefined;
}

/**
 * A rollout on a terminal: how it stands, a bar for each wave, what it waits for, and what fails; then, in what room is left, the
 * detail. It fits: redrawing it never scrolls. Once nothing runs, sentences are wrapped instead of cut, for then there is time to
 * read; so is what the keys have come to.
 */
export function screen(
  status: StatusResponse,
  nowMs: number,
  size: Size,
  { trouble, desk = [] }: Beside = {},
): string[] {
  const fitted = (texts: string[]) =>
    texts
      .map(plain)
      .flatMap((text) => (running(status) ? cut(text, size.columns) : wrapped(text, size.columns)));
  const sentences = [
    ...(status.started_at === null
      ? []
      : [`  ${running(status) ? `waiting for ${status.waiting_for}` : status.message}`]),
    // Once nothing runs, the message says it.
    ...(status.frozen !== null && running(status) ? [`  ${frozenLine(status.frozen)}`] : []),
    ...healthRows(status),
    ...guardLines(status).map((text) => `  ${text}`),
    ...(trouble === undefined ? [] : [`  ! ${trouble}`]),
  ];
  const head = fitted(
    status.started_at === null ? [status.message] : [subject(status), `  ${numbers(status, nowMs)}`],
  );
  const keys = desk.map(plain).flatMap((text) => wrapped(`  ${text}`, size.columns));
  const below = [
    ...fitted(sentences),
    ...keys,
    ...fitted([...regressionRows(status), ...failureRows(status)]),
  ];
  // The line below the last one is the cursor's.
  const most = Math.max(1, size.rows - 1);
  const room = Math.max(LEAST_WAVE_ROWS, most - head.length - below.length);
  const waves = waveRows(status, nowMs, room).map((row) => cut(row, size.columns));
  const shown = [...head, ...waves, ...below];
  const detail = detailRows(status, nowMs, most - shown.length);
  return [...shown, ...detail.map((row) => cut(plain(row), size.columns))].slice(0, most);
}

/** Where the rollout stands, on one line; what is written when there is no terminal. */
export function line(status: StatusResponse, nowMs: number): string {
  const wave = wavesOf(status)[status.wave - 1];
  if (wave === undefined) return headline(status, nowMs);
  return `${headline(status, nowMs)} · wave ${wave.number}/${status.waves}: ${wave.done} of ${wave.size}${inFlight(status)}${countdown(status, nowMs)}`;
}

/** They are about no rollout, or about one that is yet to begin. */
const UNGUARDED: ReadonlySet<string> = new Set(["Rollout", "Freeze", "Unfreeze"]);

/** "❄ frozen by alice until 2026-01-31T08:00:00.000Z: year-end closing". */
export function frozenLine({ by, until, reason }: NonNullable<StatusResponse["frozen"]>): string {
  return `❄ frozen by ${by}${until === null ? "" : ` until ${until}`}: ${reason}`;
}

/** The body to paste, while there is a verb that it guards. */
export function guardLines({ next, guard }: StatusResponse): string[] {
  const verbs = next.filter((verb) => !UNGUARDED.has(verb));
  if (verbs.length === 0 || guard === null) return [];
  return [`guard: ${guardLine({ rolloutId: guard.rollout_id, wave: guard.wave })}`];
}

export function failureRow({ sentinel_id, reason }: StatusResponse["failures"][number]): string {
  return `  ✗ ${sentinel_id}  ${reason}`;
}

export function running({ state }: StatusResponse): boolean {
  return state === "in_progress" || state === "rolling_back";
}

function headline(status: StatusResponse, nowMs: number): string {
  return status.started_at === null ? status.message : `${subject(status)} · ${numbers(status, nowMs)}`;
}

function subject(status: StatusResponse): string {
  return `${status.image} is ${isSoaking(status) ? "soaking" : status.state.replaceAll("_", " ")}`;
}

function numbers(status: StatusResponse, nowMs: number): string {
  const { succeeded, total, failed, regressed, skipped, reverted, estimated_seconds_left } = status;
  return [
    `${succeeded} of ${total} took it${counted(failed, "failed")}${counted(skipped, "skipped")}${counted(regressed, "regressed")}`,
    ...(reverted === 0 ? [] : [`${reverted} reverted`]),
    `${duration(elapsedMs(status, nowMs))} elapsed`,
    ...(estimated_seconds_left === null ? [] : [`about ${duration(estimated_seconds_left * 1000)} left`]),
  ].join(" · ");
}

function counted(count: number, what: string): string {
  return count === 0 ? "" : `, ${count} ${what}`;
}

function elapsedMs(status: StatusResponse, nowMs: number): number {
  if (status.started_at === null) return 0;
  const until = running(status) ? nowMs : Date.parse(status.waiting_since ?? status.started_at);
  return until - Date.parse(status.started_at);
}

/** At most `room` lines: the current wave and those around it, where there are more. */
function waveRows(status: StatusResponse, nowMs: number, room: number): string[] {
  const rows = wavesOf(status).map((wave) => waveRow(status, nowMs, wave));
  if (status.state === "rolling_back") rows.push(rollbackRow(status));
  if (rows.length <= room) return rows;
  const shown = Math.max(1, room - 2);
  const at = status.state === "rolling_back" ? rows.length - 1 : status.wave - 1;
  const first = Math.max(0, Math.min(at - Math.floor(shown / 2), rows.length - shown));
  const after = rows.length - first - shown;
  return [
    ...(first === 0 ? [] : [`  … ${first} before`]),
    ...rows.slice(first, first + shown),
    ...(after === 0 ? [] : [`  … ${after} after`]),
  ];
}

function waveRow(status: StatusResponse, nowMs: number, { number, size, done }: WaveProgress): string {
  const current = number === status.wave && status.state === "in_progress";
  const name = `wave ${number}/${status.waves}`.padEnd(nameWidth(status));
  return `${current ? "▸" : " "} ${name} ${bar(done, size)} ${done}/${size}${current ? `${inFlight(status)}${countdown(status, nowMs)}` : ""}`;
}

function rollbackRow(status: StatusResponse): string {
  const total = Math.max(status.succeeded + status.in_flight, status.reverted);
  const name = "rollback".padEnd(nameWidth(status));
  return `▸ ${name} ${bar(status.reverted, total)} ${status.reverted}/${total}`;
}

function nameWidth({ waves }: StatusResponse): number {
  return `wave ${waves}/${waves}`.length;
}

/** Empty or full only when that is true. */
function bar(done: number, size: number): string {
  const filled = size === 0 || done === 0 ? 0 : Math.max(1, Math.floor((BAR_WIDTH * done) / size));
  return "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
}

function failureRows({ failures, failed }: StatusResponse): string[] {
  const shown = failures.slice(-SHOWN_FAILURES);
  const more = failed - shown.length;
  return [...shown.map(failureRow), ...(more > 0 && shown.length > 0 ? [`  (+${more} more failed)`] : [])];
}

function inFlight(status: StatusResponse): string {
  return status.in_flight === 0 ? "" : ` · ${status.in_flight} in flight`;
}

/** On one line and without control characters: reasons are foreign text, and the terminal would obey it. */
export function plain(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ").replaceAll(/\p{Cc}/gu, "");
}

function cut(text: string, columns: number): string {
  const characters = [...text];
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(0, columns - 1)).join("")}…`;
}

/** In lines of at most `columns`, broken at spaces where possible; those after the first are indented. */
function wrapped(text: string, columns: number): string[] {
  const indent = columns > 20 ? "    " : "";
  const rows: string[] = [];
  let rest = [...text];
  while (rest.length > columns) {
    const space = rest.lastIndexOf(" ", columns);
    const end = space > indent.length ? space : columns;
    rows.push(rest.slice(0, end).join(""));
    rest = [...indent, ...rest.slice(rest[end] === " " ? end + 1 : end)];
  }
  return [...rows, rest.join("")];
}
