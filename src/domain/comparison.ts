import type { HealthCount, HealthSurvey } from "./health.ts";
import { plural } from "./progress.ts";

/** Which of the two groups suffers, in one clause. */
export function compared({ updated, notUpdated, unseen }: Omit<HealthSurvey, "regions">): string {
  const blind = unseen.length === 0 ? "" : `; ${clusters(unseen)}, and what is there counts nowhere`;
  const ours = `updated: ${share(updated)} unhealthy`;
  if (notUpdated.total === 0) return `${ours}; not yet updated: none to compare with${blind}`;
  const others = `not yet updated: ${share(notUpdated)} unhealthy`;
  if (updated.unhealthy === 0) return `${ours}; ${others}${blind}`;
  const verdict = isLikeThem(updated, notUpdated) ? ", too: probably not the image" : ": probably the image";
  return `${ours}; ${others}${verdict}${blind}`;
}

/** The others suffer at least half as often. */
function isLikeThem(ours: HealthCount, others: HealthCount): boolean {
  return others.unhealthy > 0 && 2 * others.unhealthy * ours.total >= ours.unhealthy * others.total;
}

function share({ total, unhealthy }: HealthCount): string {
  return `${unhealthy} of ${total}`;
}

function clusters(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return names.length === 1
    ? `the cluster ${shown} does not answer`
    : `the ${plural(names.length, "cluster")} ${shown}${more} do not answer`;
}
