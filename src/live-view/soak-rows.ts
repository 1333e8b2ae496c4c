import { duration } from "../domain/spans.ts";
import type { StatusResponse } from "../restate/rollout-schemas.ts";

const SHOWN_REGRESSIONS = 5;

export function isSoaking({ phase }: StatusResponse): boolean {
  return phase === "soaking";
}

/** Behind the wave: how long it soaks yet. */
export function countdown({ soak_until }: StatusResponse, nowMs: number): string {
  return soak_until === null ? "" : ` · soaks ${duration(Date.parse(soak_until) - nowMs)} more`;
}

/** "updated 3/25 unhealthy · not updated 0/75 · not seen: eu-west"; empty where no soak was asked for. */
export function healthRows({ health }: StatusResponse): string[] {
  if (health === null) return [];
  const { updated, not_updated, unseen } = health;
  const blind = unseen.length === 0 ? "" : ` · not seen: ${unseen.join(", ")}`;
  return [
    `  updated ${updated.unhealthy}/${updated.total} unhealthy · not updated ${not_updated.unhealthy}/${not_updated.total}${blind}`,
  ];
}

/** The newest of those that broke after they had come up. */
export function regressionRows({ regressions, regressed }: StatusResponse): string[] {
  const shown = regressions.slice(-SHOWN_REGRESSIONS);
  const more = regressed - shown.length;
  return [
    ...shown.map(regressionRow),
    ...(more > 0 && shown.length > 0 ? [`  (+${more} more regressed)`] : []),
  ];
}

export function regressionRow({
  sentinel_id,
  since,
  reason,
  recovered,
}: StatusResponse["regressions"][number]) {
  const mark = recovered ? "↑" : "↓";
  return `  ${mark} ${sentinel_id}  since ${since.slice(11, 19)}: ${reason}${recovered ? " (recovered)" : ""}`;
}
