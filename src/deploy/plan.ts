import type { DeploymentSnapshot } from "../domain/convergence.ts";
import type { DeploymentChange, PatchTerms } from "../kubernetes/cluster.ts";
import type { DesiredValues, SentinelRow } from "../mysql/row.ts";
import type { DeployRequest } from "../restate/deploy-schemas.ts";

/** What a Deploy has to do, decided from the row alone. */
export interface DeployPlan {
  desired: DesiredValues;
  /**
   * What goes into the Deployment: the image always, so that one that drifted from its row is brought back; resources
   * and replicas only where they were asked for, now or by the Deploy that this one goes on with.
   */
  change: DeploymentChange;
  /** False: the row has these values already. */
  rowDiffers: boolean;
  /** True: nothing was asked for, and a Deploy was cut short: this one goes on with it, under its deadline. */
  adopted: boolean;
  /** Unix ms: now, when the deploy began, and when the sentinel has failed. A restart does not extend it. */
  nowMs: number;
  startedMs: number;
  deadlineMs: number;
}

/**
 * An absent, zero or empty field keeps the present value.
 * @param unfinished the request of a Deploy that was killed before it could settle
 */
export function planDeploy(
  row: SentinelRow,
  request: DeployRequest,
  unfinished: DeployRequest | undefined,
  nowMs: number,
  timeoutMs: number,
): DeployPlan {
  const desired: DesiredValues = {
    image: request.image || row.image,
    cpuMillicores: request.cpu_millicores || row.cpuMillicores,
    memoryMib: request.memory_mib || row.memoryMib,
    desiredReplicas: request.desired_replicas || row.desiredReplicas,
  };
  const rowDiffers =
    desired.image !== row.image ||
    desired.cpuMillicores !== row.cpuMillicores ||
    desired.memoryMib !== row.memoryMib ||
    desired.desiredReplicas !== row.desiredReplicas;
  // Deploys of one sentinel run one after another: `progressing` now means that the one before was killed.
  const adopted = Object.values(request).every((field) => !field) && row.deployStatus === "progressing";
  const startedMs = adopted ? Math.min(row.updatedAtMs ?? nowMs, nowMs) : nowMs;
  const change = changeOf(desired, askedFor(request, unfinished));
  return { desired, change, rowDiffers, adopted, nowMs, startedMs, deadlineMs: startedMs + timeoutMs };
}

/**
 * Under what terms the change is patched in.
 * @param stuck what a look found before, where there was one: the image is there already and does not come up
 */
export function termsOf(
  row: SentinelRow,
  request: DeployRequest,
  { rowDiffers, adopted, nowMs }: DeployPlan,
  stuck: boolean | undefined,
): Omit<PatchTerms, "isRewritten"> | undefined {
  // What the Deploy that was cut short has brought about is for this one to judge.
  if (adopted) return undefined;
  const from = row.deployStatus === "failed" ? row.image : row.runningImage || row.image;
  const asks = Object.values(request).some((field) => field);
  const restarts = asks && (rowDiffers || stuck === true);
  return {
    ...(rowDiffers ? { from } : {}),
    ...(restarts ? { restart: { at: new Date(nowMs).toISOString(), found: !rowDiffers } } : {}),
  };
}

/** A field that is zero or empty now does not undo what the Deploy before was asked for. */
export function askedFor(request: DeployRequest, unfinished: DeployRequest | undefined): DeployRequest {
  return { ...unfinished, ...Object.fromEntries(Object.entries(request).filter(([, field]) => field)) };
}

/** The row keeps the image that was asked for. The other fields cannot be told from old values there, so they are stored. */
export function asksForMore(asked: DeployRequest): boolean {
  return Object.keys(asked).some((field) => field !== "image");
}

/** Does the Deployment have the values already (it may still be rolling out)? */
export function carries(snapshot: DeploymentSnapshot, change: DeploymentChange): boolean {
  const same = (wanted: number | undefined, present: number | undefined) =>
    wanted === undefined || wanted === present;
  return (
    snapshot.image === change.image &&
    same(change.cpuMillicores, snapshot.cpuLimitMillicores) &&
    same(change.memoryMib, snapshot.memoryLimitMib) &&
    same(change.replicas, snapshot.desiredReplicas)
  );
}

function changeOf(desired: DesiredValues, asked: DeployRequest): DeploymentChange {
  return {
    image: desired.image,
    ...(asked.cpu_millicores ? { cpuMillicores: desired.cpuMillicores } : {}),
    ...(asked.memory_mib ? { memoryMib: desired.memoryMib } : {}),
    ...(asked.desired_replicas ? { replicas: desired.desiredReplicas } : {}),
    changeCause: `sentinel-rollout: ${desired.image}`,
  };
}
