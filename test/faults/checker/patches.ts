import { wasInterrupted } from "./deploys.ts";
import type { Evidence } from "./evidence.ts";
import type { Sight } from "./sight.ts";
import { goesBack, retriesIn, returnsFailed } from "./verbs.ts";

interface Patch {
  id: string;
  image: string;
  atMs: number;
}

/**
 * d: no sentinel was patched that was not in a launched wave, none by a rollout that was not legal, never two waves at once.
 * e: patches per sentinel ≤ 1 + the faults that can lose an answer.
 */
export function patchesAreJustified(sight: Sight): string[] {
  const { state, verbs, troubles, meddled } = sight;
  const violations: string[] = [];
  // What was refused, or only asked what would come of it, has changed nothing.
  const patches = read(
    sight,
    sight.patches.filter(({ status = 200, url }) => status < 400 && !url.includes("dryRun=All")),
  );
  const forward = patches.filter(({ image }) => image === state.image);
  const launched = new Map(
    state.waves.slice(0, state.currentWave + 1).flatMap((wave, n) => wave.map((id) => [id, n] as const)),
  );
  for (const { id } of forward.filter((patch) => !launched.has(patch.id))) {
    violations.push(`d: ${id} was patched before its wave`);
  }
  // Who waited for it has heard that it is cancelled and has settled: what comes after that is nobody's.
  const settledMs = cancelledMs(verbs);
  for (const { id, atMs } of forward) {
    if (atMs > settledMs)
      violations.push(`d: ${id} was patched by a rollout that was cancelled and had settled`);
  }
  // Who failed in an earlier wave is deployed again in a later one.
  const retryMs = Math.min(
    ...verbs.filter(({ name }) => name === "RetryFailed").map(({ askedMs }) => askedMs),
  );
  const spans = state.waves.map((_, n) =>
    forward.filter(({ id, atMs }) => launched.get(id) === n && atMs < retryMs).map(({ atMs }) => atMs),
  );
  spans.forEach((wave, n) => {
    const earlier = Math.max(...spans.slice(0, n).flat());
    if (Math.min(...wave) < earlier)
      violations.push(`d: wave ${n + 1} began while another was being patched`);
  });
  const rollback = verbs.find(goesBack);
  // Of a retry that was cut short the rows tell who came up.
  const revertsFailed = verbs.some(returnsFailed) || (retriesIn(verbs) > 0 && wasInterrupted(sight));
  for (const { id, image, atMs } of patches.filter((patch) => patch.image !== state.image)) {
    if (meddled.has(id)) continue;
    const back = image === state.previousImages[id] && rollback !== undefined && atMs >= rollback.askedMs;
    if (!back) violations.push(`d: ${id} was patched to ${image}, and nobody asked for it`);
    const failed = state.failedIds.includes(id) && !revertsFailed;
    if (failed) violations.push(`d: ${id} had failed and was rolled back`);
  }
  const most = 1 + retriesIn(verbs) + troubles.reduce((sum, { losesAnswers }) => sum + losesAnswers, 0);
  const counts = new Map<string, number>();
  for (const { id, image } of patches)
    counts.set(`${id} to ${image}`, (counts.get(`${id} to ${image}`) ?? 0) + 1);
  for (const [what, count] of counts) {
    if (count > most) violations.push(`e: ${what} was patched ${count} times, with ${most - 1} faults`);
  }
  return violations;
}

/** When the last drive forward said that its rollout is cancelled; one that was killed says nothing. */
function cancelledMs(verbs: Evidence["verbs"]): number {
  const last = verbs.filter(({ name, status = 200 }) => FORWARD.includes(name) && status < 400).at(-1);
  const isOver = last?.answer?.state === "cancelled" && last.answeredMs !== undefined;
  return isOver ? (last.answeredMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
}

const FORWARD = ["Rollout", "Resume", "RetryFailed"];

function read({ before, after }: Sight, patches: Evidence["patches"]): Patch[] {
  const rows = [...before.rows.values(), ...after.rows.values()];
  const ids = new Map(rows.map(({ k8s_name, id }) => [k8s_name, id]));
  return patches.map(({ url, body, atMs }) => {
    const name = /\/deployments\/([^/?]+)/.exec(url)?.[1] ?? url;
    const operations = JSON.parse(body === "" ? "[]" : body) as {
      op: string;
      path: string;
      value: unknown;
    }[];
    const image = operations.find(({ op, path }) => op !== "test" && path.endsWith("/image"))?.value;
    return { id: ids.get(name) ?? name, image: String(image), atMs };
  });
}
