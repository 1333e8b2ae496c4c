import { DRIVES, drivesIn, type StoredValue } from "../../support/rollout-state.ts";
import { converged, imageOf } from "./results.ts";
import type { Sources } from "./sources.ts";

/** The health of a paused rollout is watched on, and a soak that was interrupted still has a message on its way. */
export const UNDER_WAY =
  "SELECT target, status FROM sys_invocation WHERE status <> 'completed' AND target_handler_name <> 'WatchHealth'" +
  " AND NOT (status = 'scheduled' AND target_handler_name = 'EndSoak') LIMIT 5";
export const LEFT =
  "SELECT service_key, key FROM state WHERE service_name = 'hydra.v1.SentinelService' LIMIT 5";

/**
 * c: what is still under way: an invocation, a row, a drive, a Deploy's state, a rollout of a Deployment. Nothing may be left.
 * Nor is a row left failed whose sentinel has come up since.
 * @param broken who came up and broke later
 * @param killed a Deploy that was killed runs no code any more: the next one of its sentinel clears what it left
 */
export async function unrest(
  sources: Pick<Sources, "sql" | "rows" | "deployments">,
  killed: boolean,
  broken: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const invocations = await sources.sql<{ target: string; status: string }>(UNDER_WAY);
  if (invocations.length > 0) return invocations.map(({ target, status }) => `c: ${target} is ${status}`);
  const left = await sources.sql<{ service_key: string; key: string }>(LEFT);
  const drives = drivesIn(await sources.sql<StoredValue>(DRIVES));
  const rows = [...(await sources.rows()).values()];
  const deployments = await sources.deployments();
  return [
    ...drives.map((drive) => `c: there is a ${drive} left`),
    ...(killed ? [] : left).map(({ service_key, key }) => `c: ${service_key} has ${key} left in its state`),
    ...rows.filter((row) => row.deploy_status === "progressing").map(({ id }) => `c: ${id} is progressing`),
    ...rows
      .filter((row) => row.deploy_status === "failed" && row.desired_state === "running")
      .filter((row) => row.health === "healthy" && row.running_image === row.image)
      .filter((row) => {
        const deployment = deployments.get(row.k8s_name);
        return deployment !== undefined && imageOf(deployment) === row.image && converged(deployment);
      })
      .map(({ id }) => `c: ${id} runs its image, and is left failed`),
    // Those that failed may never converge.
    ...rows
      .filter((row) => row.deploy_status === "ready" && !broken.has(row.id))
      .map((row) => deployments.get(row.k8s_name))
      .filter((deployment) => deployment !== undefined && !converged(deployment))
      .map((deployment) => `c: the Deployment ${deployment?.metadata?.name} has not converged`),
  ];
}
