import { duration } from "../domain/messages.ts";
import type { StatusResponse } from "../restate/schemas.ts";

const BAR_WIDTH = 30;
const SHOWN_FAILURES = 5;

/** One wave as `Status` tells it: waves are finished in order, so the totals say how far each one is. */
export interface WaveProgress {
  /** Counted from 1. */
  number: number;
  size: number;
  /** With a result, good or bad. */
  done: number;
}

export function wavesOf(status: StatusResponse): WaveProgress[] {
  let results = status.succeeded + status.failed;
  return status.wave_sizes.map((size, i) => {
    const done = Math.max(0, Math.min(size, results));
    results -= done;
    return { number: i + 1, size, done };
  });
}

/**
 * A rollout on a terminal: a headline, a bar for each wave, what fails, and what it waits for.
 * @param columns no line is longer, so that redrawing never scrolls
 */
export function screen(status: StatusResponse, nowMs: number, columns: number): string[] {
  const failures = status.failures.slice(-SHOWN_FAILURES);
  const more = status.failed - failures.length;
  const rows = [
    headline(status, nowMs),
    ...wavesOf(status).map((wave) => waveRow(status, wave)),
    ...failures.map(({ sentinel_id, reason }) => `  ✗ ${sentinel_id}  ${reason}`),
    ...(more > 0 && failures.length > 0 ? [`  (+${more} more failed)`] : []),
    ...(status.waiting_for === "" ? [] : [`  waiting for ${status.waiting_for}`]),
  ];
  return rows.map((row) => cut(row.replaceAll(/\s*\n\s*/g, " "), columns));
}

/** Where the rollout stands, on one line; what is written when there is no terminal. */
export function line(status: StatusResponse, nowMs: number): string {
  const wave = wavesOf(status)[status.wave - 1];
  if (wave === undefined) return headline(status, nowMs);
  return `${headline(status, nowMs)} · wave ${wave.number}/${status.waves}: ${wave.done} of ${wave.size}${inFlight(status)}`;
}

function headline(status: StatusResponse, nowMs: number): string {
  if (status.started_at === null) return status.message;
  const { image, state, succeeded, total, failed, estimated_seconds_left } = status;
  const until = running(status) ? nowMs : Date.parse(status.waiting_since ?? status.started_at);
  const left =
    estimated_seconds_left === null ? "" : `, about ${duration(estimated_seconds_left * 1000)} left`;
  return [
    `${image} is ${state.replaceAll("_", " ")}`,
    `${succeeded} of ${total} took it${failed === 0 ? "" : `, ${failed} failed`}`,
    ...(status.reverted === 0 ? [] : [`${status.reverted} reverted`]),
    `${duration(until - Date.parse(status.started_at))}${left}`,
  ].join(" · ");
}

function waveRow(status: StatusResponse, { number, size, done }: WaveProgress): string {
  const filled = size === 0 ? 0 : Math.floor((BAR_WIDTH * done) / size);
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  const current = number === status.wave && running(status);
  const name = `wave ${number}/${status.waves}`;
  return `${current ? "▸" : " "} ${name} ${bar} ${done}/${size}${current ? inFlight(status) : ""}`;
}

function inFlight(status: StatusResponse): string {
  return status.in_flight === 0 ? "" : ` · ${status.in_flight} in flight`;
}

function running({ state }: StatusResponse): boolean {
  return state === "in_progress" || state === "rolling_back";
}

function cut(text: string, columns: number): string {
  const characters = [...text];
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(0, columns - 1)).join("")}…`;
}
