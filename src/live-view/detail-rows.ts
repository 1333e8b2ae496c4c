import { duration } from "../domain/spans.ts";
import type { StatusResponse } from "../restate/rollout-schemas.ts";

const MOST_SLOWEST = 5;
const MOST_REGIONS = 5;
const MOST_REASONS = 3;

/** What the rollout waits for, in at most so many lines: whom it waits for comes first. Empty where Status was not asked for it. */
export function detailRows(status: StatusResponse, nowMs: number, room: number): string[] {
  const { detail_message } = status;
  if (detail_message === undefined) return [];
  const sections = [slowestRows(status, nowMs), regionRows(status), reasonRows(status)].filter(
    (rows) => rows.length > 0,
  );
  const known = status.slowest !== null && status.by_region !== null;
  return [...(known ? [] : [`  ${detail_message}`]), ...fitting(sections, room - (known ? 0 : 1))].slice(
    0,
    Math.max(0, room),
  );
}

/** Each section keeps its first lines; where there is no room for all, the last ones give way. */
function fitting(sections: readonly string[][], room: number): string[] {
  const rows: string[] = [];
  for (const section of sections) {
    const left = room - rows.length;
    // A title alone tells nothing.
    if (left >= 2) rows.push(...section.slice(0, left));
  }
  return rows;
}

function slowestRows({ slowest, in_flight }: StatusResponse, nowMs: number): string[] {
  if (slowest === undefined || slowest === null || slowest.length === 0) return [];
  const shown = slowest.slice(0, MOST_SLOWEST);
  return [
    `  slowest of ${in_flight} in flight`,
    ...shown.map(({ sentinel_id, region, since, lacks, pods, news_age_seconds }) => {
      const words = [`${lacks}${pods === "" ? "" : ` · ${pods}`}`];
      const age = news_age_seconds === null ? "never seen" : `seen ${duration(news_age_seconds * 1_000)} ago`;
      const lasts = duration(Math.max(0, nowMs - Date.parse(since)));
      return `    ${sentinel_id} ${region} ${lasts}: ${words.join("")} (${age})`;
    }),
  ];
}

function regionRows({ by_region }: StatusResponse): string[] {
  if (by_region === undefined || by_region === null || by_region.length === 0) return [];
  const shown = by_region.toSorted((a, b) => b.in_flight - a.in_flight || b.failed - a.failed);
  const more = shown.length - MOST_REGIONS;
  return [
    `  by region${more > 0 ? ` (${MOST_REGIONS} of ${shown.length})` : ""}`,
    ...shown
      .slice(0, MOST_REGIONS)
      .map(
        ({ region, waiting, in_flight, succeeded, failed }) =>
          `    ${region}: ${succeeded} took it, ${failed} failed, ${in_flight} in flight, ${waiting} waiting`,
      ),
  ];
}

function reasonRows({ failures_by_reason }: StatusResponse): string[] {
  if (failures_by_reason === undefined || failures_by_reason === null) return [];
  if (failures_by_reason.length === 0) return [];
  return [
    "  why they failed",
    ...failures_by_reason
      .slice(0, MOST_REASONS)
      .map(({ reason, count, examples }) => `    ${count} × ${reason} (${examples.join(", ")})`),
  ];
}
