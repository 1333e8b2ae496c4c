import { plural, remaining, timeLeft, tookImage } from "../domain/progress.ts";
import type { Failure, Machine, RolloutState } from "../domain/state.ts";
import { type View, viewOf } from "../domain/view.ts";
import type { ClusterHealth } from "../kubernetes/health.ts";
import type { RollbackReport } from "./rollback.ts";
import type { RollbackResponse, RolloutResponse, StatusResponse } from "./schemas.ts";

/** What operators are answered, in the field names of the runbook. */
export function rolloutResponse(view: View): RolloutResponse {
  const { state, rolloutId, image, wave, waves, total, succeeded, failed, skipped, next, message } = view;
  return {
    state,
    rollout_id: rolloutId,
    image,
    wave,
    waves,
    total,
    succeeded,
    failed,
    failures: view.failures.map(failureResponse),
    skipped,
    skips: view.skips.map(failureResponse),
    next: [...next],
    message,
  };
}

/**
 * @param maxInFlight most Deploys of a drive in flight at a time
 * @param clusters how each of them is now
 */
export function statusResponse(
  { rollout, forward, sinceMs }: Machine,
  nowMs: number,
  maxInFlight: number,
  clusters: ClusterHealth[] = [],
): StatusResponse {
  const leftMs = rollout === undefined ? undefined : timeLeft(rollout, forward, nowMs);
  const response = rolloutResponse(viewOf(rollout));
  const away = clusters.map(absence).filter((text) => text !== undefined);
  return {
    ...response,
    message: [response.message, ...away.map((text) => `Cluster ${text}.`)].join(" "),
    started_at: iso(rollout?.startedAtMs),
    wave_started_at: iso(rollout?.waveStartedAtMs),
    wave_sizes: rollout?.waves.map((wave) => wave.length) ?? [],
    in_flight: rollout?.state === "in_progress" ? Math.min(maxInFlight, remaining(rollout).length) : 0,
    reverted: rollout?.revertedIds.length ?? 0,
    waiting_for: rollout === undefined ? "" : waitingFor(rollout, away),
    waiting_since: iso(sinceMs),
    estimated_seconds_left: leftMs === undefined ? null : Math.ceil(leftMs / 1000),
  };
}

export function rollbackResponse(report: RollbackReport): RollbackResponse {
  const { reverted, targets, failures, interrupted } = report;
  const left = targets - reverted;
  const done = `${reverted} of ${plural(targets, "sentinel")} reverted`;
  const message = interrupted
    ? `The rollback was interrupted: ${done}; call RollbackAll again for the rest.`
    : left === 0
      ? `Rolled back: ${done}.`
      : `Rolled back: ${done}; call RollbackAll again to retry the other ${left}.`;
  return { reverted, total: targets, failures: failures.map(failureResponse), state: "cancelled", message };
}

function failureResponse({ id, reason }: Failure): { sentinel_id: string; reason: string } {
  return { sentinel_id: id, reason };
}

/** @param away clusters that keep their sentinels from coming up */
function waitingFor(rollout: RolloutState, away: string[]): string {
  const meanwhile = away.map((text) => `; cluster ${text}`).join("");
  switch (rollout.state) {
    case "in_progress": {
      const left = remaining(rollout).length;
      return `${plural(left, "sentinel")} of wave ${rollout.currentWave + 1}/${rollout.waves.length} to come up${meanwhile}`;
    }
    case "paused":
      return "an operator: Resume, Cancel or RollbackAll";
    case "rolling_back":
      return `${plural(tookImage(rollout) - rollout.revertedIds.length, "sentinel")} to return to the previous image${meanwhile}`;
    case "completed":
    case "cancelled":
      return "";
  }
}

/** Undefined: it answers. */
function absence(health: ClusterHealth): string | undefined {
  if (health.reachable) return undefined;
  return `${health.cluster} is unreachable since ${iso(health.sinceMs)} (${health.reason})`;
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
