import { forwardDeploys } from "./deploys.ts";
import { budgetOf } from "./limits.ts";
import type { Sight } from "./sight.ts";
import type { Sources } from "./sources.ts";

/** Between an outage, what is seen of it, and what is decided by that lies so much (ms) on a busy machine. */
const SEEN_MS = 4_000;
/** A cluster that does not answer says nothing of its sentinels. */
const BLINDS = /^Kubernetes/;

/**
 * q: no rollout goes past a soak while more than may have been without their replicas for longer than it takes to count, unless
 * somebody has resumed it since they broke.
 */
export async function soaksAreHeeded(sources: Pick<Sources, "sql">, sight: Sight): Promise<string[]> {
  const { limits, state: is, sinceMs, image } = sight.state.head;
  if (limits?.soakSeconds === undefined || sight.troubles.some(({ name }) => BLINDS.test(name))) return [];
  const deploys = await forwardDeploys(sources, sight);
  const { waves } = sight.state;
  return waves.flatMap((_, n): string[] => {
    const next = waves[n + 1] ?? [];
    const launched = deploys.filter(({ sentinel }) => next.includes(sentinel)).map(({ fromMs }) => fromMs);
    const isLast = n + 1 === waves.length;
    const atMs = isLast ? (is === "completed" ? sinceMs : Number.POSITIVE_INFINITY) : Math.min(...launched);
    if (!Number.isFinite(atMs) || (limits.soakSeconds?.[n] ?? 0) === 0) return [];
    const took = tookBy(sight, n);
    const broken = took.filter((id) => isOut(sight, id, image, atMs));
    if (broken.length <= budgetOf(limits.maxRegressions ?? 0, took.length)) return [];
    const what = isLast ? "it was completed" : `wave ${n + 2} began`;
    return [`q: ${what} while ${broken.join(", ")} had regressed, ${broken.length} of ${took.length}`];
  });
}

/** Of the waves up to this one (0-based); who somebody else has changed is left out. */
function tookBy({ state, meddled, after }: Sight, wave: number): string[] {
  const ids = state.waves.slice(0, wave + 1).flat();
  return ids.filter((id) => {
    const isOurs = !meddled.has(id) && after.rows.get(id)?.desired_state === "running";
    return isOurs && state.succeededIds.includes(id);
  });
}

/** It broke long enough before, has not recovered by then, and nobody has acknowledged that. */
function isOut(
  { outages, after, verbs, regressionMs }: Sight,
  id: string,
  image: string,
  atMs: number,
): boolean {
  const name = after.rows.get(id)?.k8s_name;
  const outage = outages.find(
    (each) => each.name === name && each.image === image && each.fromMs < atMs && (each.toMs ?? atMs) >= atMs,
  );
  if (outage === undefined || atMs - outage.fromMs < regressionMs + SEEN_MS) return false;
  const since = verbs.filter(({ askedMs }) => askedMs > outage.fromMs && askedMs <= atMs);
  return !since.some(({ name: verb }) => verb === "Resume" || verb === "RetryFailed");
}
