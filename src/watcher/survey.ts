import type { HealthPair, HealthSurvey } from "../domain/health.ts";
import { underWay } from "../domain/regression.ts";
import type { Sight } from "./sight.ts";

/** Counts every running sentinel whose Deployment stands, well or not: what is under way, paused or going counts nowhere. */
export function surveyed(sight: Sight, images: readonly string[]): HealthSurvey {
  const unseen = sight.unseen();
  const survey: HealthSurvey = { ...noGroups(), regions: {}, unseen: [...unseen].sort() };
  for (const at of sight.clusters) {
    if (unseen.has(at.cluster.name)) continue;
    for (const { deployment, row } of sight.each(at)) {
      const { image, availableReplicas, desiredReplicas } = deployment;
      if (row.desiredState !== "running" || image === undefined || underWay(deployment) !== undefined)
        continue;
      survey.regions[row.regionId] ??= noGroups();
      for (const groups of [survey, survey.regions[row.regionId]]) {
        const count = images.includes(image) ? groups?.updated : groups?.notUpdated;
        if (count === undefined) continue;
        count.total++;
        if (availableReplicas < desiredReplicas) count.unhealthy++;
      }
    }
  }
  return survey;
}

function noGroups(): HealthPair {
  return { updated: { total: 0, unhealthy: 0 }, notUpdated: { total: 0, unhealthy: 0 } };
}
