import type { V1Deployment } from "@kubernetes/client-node";
import { wasInterrupted } from "./deploys.ts";
import type { Row } from "./evidence.ts";
import type { Sight } from "./sight.ts";
import { goesBack, retriesIn, returnsFailed } from "./verbs.ts";

/** a: every planned sentinel is in exactly one of succeeded, failed, not attempted; counts add up. */
export function bookkeeping({ before, state, status, meddled, verbs }: Sight): string[] {
  const violations: string[] = [];
  const holds = (is: boolean, text: string) => is || violations.push(`a: ${text}`);
  const { succeededIds, failedIds, skippedIds, waves, currentWave, totalSentinels, told } = state;
  const planned = waves.flat();
  const results = [...succeededIds, ...failedIds];
  holds(new Set(planned).size === planned.length, "a sentinel is planned twice");
  holds(new Set(results).size === results.length, "a sentinel has two results");
  holds(
    results.every((id) => planned.includes(id)),
    "a sentinel has a result that was not planned",
  );
  holds(!results.some((id) => skippedIds.includes(id)), "a sentinel that was skipped has a result");
  const started = verbs.some(({ name, status: code }) => name === "Rollout" && code !== 409 && code !== 400);
  if (started) {
    const due = [...before.rows.values()].filter((row) => isDue(row, state.image)).map(({ id }) => id);
    const moved = (ids: string[]) =>
      ids
        .filter((id) => !meddled.has(id))
        .sort()
        .join();
    holds(moved(planned) === moved(due), `planned ${planned.length}, due ${due.length} sentinels`);
  }
  for (const id of planned) {
    const row = before.rows.get(id);
    const ran = row?.running_image || row?.image;
    const isTrue = !started || meddled.has(id) || state.previousImages[id] === ran;
    holds(isTrue, `the previous image of ${id} is said to be ${state.previousImages[id]}, it was ${ran}`);
  }
  const known = new Set([...results, ...skippedIds]);
  const behind = waves.slice(0, state.state === "completed" ? waves.length : currentWave).flat();
  holds(
    behind.every((id) => known.has(id)),
    "a sentinel of a wave that is over was never attempted",
  );
  const ahead = waves.slice(currentWave + 1).flat();
  holds(!ahead.some((id) => results.includes(id)), "a sentinel of a wave to come has a result");
  holds(totalSentinels === planned.length, `the total is ${totalSentinels} of ${planned.length}`);
  const counts = [status.succeeded, status.failed, status.total, status.state];
  const true_ = [told.succeeded, told.failed, told.total, state.state];
  holds(String(counts) === String(true_), `Status says ${counts}, the state ${true_}`);
  holds(
    failedIds.every((id) => (state.failureReasons[id] ?? "") !== ""),
    "a failure has no reason",
  );
  return violations;
}

/** A running sentinel is left out only if it serves the image already. */
function isDue(row: Row, image: string): boolean {
  const serves =
    row.image === image &&
    row.running_image === image &&
    !["failed", "progressing"].includes(row.deploy_status) &&
    (row.health === "healthy" || row.desired_replicas === 0);
  return row.desired_state === "running" && !serves;
}

/**
 * b: succeeded ⇔ its Deployment runs the new image, converged, and its row says ready; but for one that failed, and of which
 * the log says that it came up late.
 */
export function succeededIsTrue(sight: Sight, logs: readonly string[]): string[] {
  const { state, meddled } = sight;
  const unknown = interruptedWave(sight);
  const late = new Set(logs.flatMap(cameUpLate));
  return state.waves.flat().flatMap((id) => {
    if (meddled.has(id) || state.revertedIds.includes(id) || unknown.has(id)) return [];
    const problem = notOn(sight, id, state.image);
    const succeeded = state.succeededIds.includes(id);
    if (succeeded === (problem === undefined)) return [];
    if (!succeeded && state.failedIds.includes(id) && late.has(id)) return [];
    if (succeeded && sight.broken.has(id)) return [];
    return [
      succeeded
        ? `b: ${id} is said to have succeeded; ${problem}`
        : `b: ${id} took the image, and did not succeed`,
    ];
  });
}

function cameUpLate(log: string): string[] {
  return log.split("\n").flatMap((line) => {
    if (!line.includes('"sentinel came up late"')) return [];
    const { sentinelId } = JSON.parse(line) as { sentinelId: string };
    return [sentinelId];
  });
}

/** The drive was cancelled or killed: results of its wave may have been lost with it, until a Resume. */
function interruptedWave({ state, troubles }: Sight): Set<string> {
  const interrupted = troubles.some(({ name }) => /invocation/.test(name));
  const results = new Set([...state.succeededIds, ...state.failedIds]);
  const wave = state.waves[state.currentWave] ?? [];
  // A Deploy that was killed is a failure, whatever becomes of its sentinel.
  return new Set(interrupted ? [...wave.filter((id) => !results.has(id)), ...state.failedIds] : []);
}

/** g: after a rollback every reverted sentinel runs its own previous image. */
export function rolledBack(sight: Sight): string[] {
  const { state, before, meddled, verbs } = sight;
  const asked = verbs.some(goesBack);
  const violations = asked || state.revertedIds.length === 0 ? [] : ["g: reverted, and nobody asked for it"];
  for (const id of state.revertedIds.filter((each) => !meddled.has(each))) {
    const row = before.rows.get(id);
    const problem = notOn(sight, id, row?.running_image || row?.image || "");
    // What it returns to may be what it broke on.
    const isOut = sight.broken.has(id);
    if (problem !== undefined && !isOut) violations.push(`g: ${id} is said to be reverted; ${problem}`);
    // Of a retry that was cut short the rows tell who came up.
    const retried = retriesIn(verbs) > 0 && wasInterrupted(sight);
    const failed = state.revertedFailedIds.includes(id) && !retried && !verbs.some(returnsFailed);
    if (failed) violations.push(`g: ${id} had failed and was reverted`);
  }
  return violations;
}

export function notOn({ after }: Sight, id: string, image: string): string | undefined {
  const row = after.rows.get(id);
  const deployment = after.deployments.get(row?.k8s_name ?? "");
  if (row === undefined || deployment === undefined) return "it has no row or no Deployment";
  if (imageOf(deployment) !== image) return `its Deployment has ${imageOf(deployment)}`;
  if (!converged(deployment)) return "its Deployment has not converged";
  if (row.deploy_status !== "ready") return `its row says ${row.deploy_status}`;
  if (row.image !== image || row.running_image !== image)
    return `its row has ${row.image}, ${row.running_image}`;
  return undefined;
}

export function imageOf(deployment: V1Deployment): string | undefined {
  return deployment.spec?.template.spec?.containers.find(({ name }) => name === "sentinel")?.image;
}

/** As `kubectl rollout status` sees it. */
export function converged({ metadata, spec, status }: V1Deployment): boolean {
  const replicas = spec?.replicas ?? 1;
  const { updatedReplicas = 0, availableReplicas = 0, observedGeneration = 0 } = status ?? {};
  return (
    observedGeneration >= (metadata?.generation ?? 0) &&
    updatedReplicas >= replicas &&
    (status?.replicas ?? 0) <= updatedReplicas &&
    availableReplicas >= updatedReplicas
  );
}
