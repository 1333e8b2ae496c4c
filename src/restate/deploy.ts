import { CancelledError, type ObjectContext, TerminalError } from "@restatedev/restate-sdk";
import { judge, observe } from "../domain/convergence.ts";
import type { Cluster, DeploymentChange } from "../kubernetes/cluster.ts";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { Logger } from "../log.ts";
import type { WorkMetrics } from "../metrics/work.ts";
import type { Observation, SentinelRow, SentinelStore } from "../mysql/sentinels.ts";
import { AWAKEABLE_KEY, converge, type Ending, failed, listen } from "./converge.ts";
import { askedFor, carries, type DeployPlan, planDeploy } from "./deploy-plan.ts";
import { ROLLOUT_ID_HEADER, WAVE_HEADER } from "./names.ts";
import type { DeployReply, DeployRequest } from "./schemas.ts";
import { kubernetes, untilDeadline } from "./steps.ts";

export interface DeployOptions {
  store: SentinelStore;
  clusters: Clusters;
  deployTimeoutMs: number;
  /** 0: a failure that could heal is never final before the timeout. */
  failFastMs: number;
  logger: Logger;
  metrics: Pick<WorkMetrics, "deploySettled">;
}

/** What the Deploy that is running was asked for: should it be killed, the next one goes on with it. */
const REQUEST_KEY = "deploy_request";

/**
 * Brings one sentinel to the values asked for, and says whether it came up. Whatever happens the row does not stay
 * `progressing`; a kill alone runs no code, and then the watcher has the row settled by a Deploy that changes nothing.
 */
export async function deploy(
  ctx: ObjectContext,
  request: DeployRequest,
  options: DeployOptions,
): Promise<DeployReply> {
  const { row, nowMs } = await ctx.run("read the sentinel's row", async () => ({
    row: await options.store.read(ctx.key),
    nowMs: Date.now(),
  }));
  if (row === undefined) throw new TerminalError(`There is no sentinel ${ctx.key}.`, { errorCode: 404 });
  const noLongerRunning = retired(row);
  // An operator who deploys to such a sentinel means it; a rollout planned with one that was running.
  if (noLongerRunning !== undefined && ctx.request().headers.has(ROLLOUT_ID_HEADER)) {
    return { status: "failed", reason: noLongerRunning, skipped: true };
  }
  const unfinished = (await ctx.get<DeployRequest>(REQUEST_KEY)) ?? undefined;
  const plan = planDeploy(row, request, unfinished, nowMs, options.deployTimeoutMs);
  ctx.set(REQUEST_KEY, askedFor(request, unfinished));
  try {
    return await settle(ctx, row, plan.startedMs, await bringUp(ctx, row, plan, options), options);
  } catch (error) {
    // Cancelled, or a step gave up at the deadline. Anything else is retried by Restate.
    if (!(error instanceof TerminalError)) throw error;
    const cancelled = error instanceof CancelledError;
    const reason = cancelled ? "the Deploy was cancelled" : error.message;
    const response = await settle(ctx, row, plan.startedMs, failed(reason), options);
    if (cancelled) throw error;
    return response;
  }
}

async function bringUp(
  ctx: ObjectContext,
  row: SentinelRow,
  plan: DeployPlan,
  options: DeployOptions,
): Promise<Ending> {
  const { k8sName, regionId } = row;
  const { image } = plan.desired;
  const cluster = options.clusters.forRegion(regionId);
  if (cluster === undefined) return failed(`no cluster serves the region ${regionId} (see KUBE_CONTEXTS)`);
  if (!plan.changes) {
    const look = await ctx.run(
      "look: serves already?",
      () => serving(cluster, k8sName, plan.change),
      untilDeadline(plan.deadlineMs, plan.nowMs),
    );
    if (look.observed !== undefined) return { status: "ready", observed: look.observed };
  }
  // Stored before the patch: the wake-up can come as soon as Kubernetes has heard of the change.
  const wakeUp = listen(ctx);
  if (!plan.adopted) {
    await ctx.run("write the desired values", () =>
      options.store.markProgressing(row.id, plan.desired, Date.now()),
    );
  }
  const patched = await ctx.run(
    `patch Deployment ${k8sName}`,
    () => patch(cluster, k8sName, plan.change),
    untilDeadline(plan.deadlineMs, plan.nowMs),
  );
  if ("refused" in patched) return failed(patched.refused);
  const { deadlineMs, startedMs } = plan;
  const wait = {
    cluster,
    k8sName,
    expected: { image, ...patched },
    deadlineMs,
    startedMs,
    failFastMs: options.failFastMs,
  };
  return converge(ctx, wait, wakeUp);
}

/** Observed only when the Deployment has all the values and has converged on them. */
async function serving(
  cluster: Cluster,
  k8sName: string,
  change: DeploymentChange,
): Promise<{ observed?: Observation }> {
  const snapshot = await kubernetes(() => cluster.read(k8sName));
  if (snapshot === undefined || !carries(snapshot, change)) return {};
  return judge(snapshot).kind === "converged" ? { observed: observe(snapshot) } : {};
}

async function patch(
  cluster: Cluster,
  k8sName: string,
  change: DeploymentChange,
): Promise<{ generation: number } | { refused: string }> {
  const outcome = await kubernetes(() => cluster.patch(k8sName, change));
  return outcome.kind === "refused"
    ? { refused: outcome.reason }
    : { generation: outcome.snapshot.generation };
}

async function settle(
  ctx: ObjectContext,
  row: SentinelRow,
  startedMs: number,
  ending: Ending,
  { store, logger, metrics }: DeployOptions,
): Promise<DeployReply> {
  const { headers } = ctx.request();
  const [rolloutId, wave] = [headers.get(ROLLOUT_ID_HEADER), headers.get(WAVE_HEADER)];
  const { skipped, endedMs } = await ctx.run(`write the outcome: ${ending.status}`, async () => {
    const endedMs = Date.now();
    await store.settle(row.id, ending, endedMs);
    metrics.deploySettled({ sentinelId: row.id, startedMs, ...ending });
    const about = {
      sentinelId: row.id,
      ...(rolloutId === undefined ? {} : { rolloutId }),
      ...(wave === undefined ? {} : { wave: Number(wave) }),
    };
    if (ending.status === "ready") {
      logger.info(about, "sentinel deploy ready");
      return { skipped: null, endedMs };
    }
    // Whoever archives or deletes a sentinel takes its Deployment away, which is no fault of the image.
    const reason = retired(await store.read(row.id)) ?? null;
    if (reason === null) logger.error({ ...about, reason: ending.reason }, "sentinel deploy failed");
    else logger.warn({ ...about, reason }, "sentinel skipped");
    return { skipped: reason, endedMs };
  });
  ctx.clear(AWAKEABLE_KEY);
  ctx.clear(REQUEST_KEY);
  const took = rolloutId === undefined ? {} : { duration_ms: Math.max(0, endedMs - startedMs) };
  if (ending.status === "ready") return { status: "ready", ...took };
  return skipped === null
    ? { status: "failed", reason: ending.reason, ...took }
    : { status: "failed", reason: skipped, skipped: true, ...took };
}

/** Why a sentinel is no rollout's business any more; undefined while it is. */
function retired(row: SentinelRow | undefined): string | undefined {
  if (row === undefined) return "it has no row any more";
  return row.desiredState === "running" ? undefined : `its desired state is ${row.desiredState}`;
}
