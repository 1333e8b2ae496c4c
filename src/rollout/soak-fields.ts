import type { HealthCount, HealthPair, HealthSurvey } from "../domain/health.ts";
import type { View } from "../domain/view.ts";
import type { StatusResponse } from "../restate/rollout-schemas.ts";

/** What every answer tells of a soak, and of what it has found. */
export function soakFields({ soakUntilMs, soakLeftMs, regressed = 0, regressions = [], rollsBack }: View) {
  return {
    soak_until: soakUntilMs === undefined ? null : new Date(soakUntilMs).toISOString(),
    soak_seconds_left: soakLeftMs === undefined ? null : Math.ceil(soakLeftMs / 1_000),
    rolls_back: rollsBack === true,
    regressed,
    regressions: regressions.map(({ id, sinceMs, why, recovered = false }) => ({
      sentinel_id: id,
      since: new Date(sinceMs).toISOString(),
      reason: why,
      recovered,
    })),
  };
}

/** At most this many regions are named. */
const MOST_REGIONS = 100;

export function healthField(survey: HealthSurvey | undefined): StatusResponse["health"] {
  if (survey === undefined) return null;
  const { regions, unseen } = survey;
  return {
    ...pairOf(survey),
    regions: Object.entries(regions)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, MOST_REGIONS)
      .map(([region, pair]) => ({ region, ...pairOf(pair) })),
    unseen,
  };
}

function pairOf({ updated, notUpdated }: HealthPair): { updated: HealthCount; not_updated: HealthCount } {
  return { updated, not_updated: notUpdated };
}
