import { CancelledError, type RestatePromise, rpc, TerminalError } from "@restatedev/restate-sdk";
import type { Direction } from "../domain/drive-state.ts";
import type { SentinelRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { REVERTS_HEADER, ROLLOUT_ID_HEADER, RolloutObject, SINGLETON } from "../restate/contract.ts";
import type { DeployReply, DeployRequest } from "../restate/deploy-schemas.ts";
import { grantOf, isAged, type LaunchGrant } from "../restate/grant.ts";
import type { Job, Settings } from "./job.ts";
import { planDeploy } from "./plan.ts";
import { retired } from "./retired.ts";
import { leftAlone, revertOf } from "./revert.ts";

/** What the first step found and decided. */
export type Beginning =
  | { kind: "unknown" }
  /** Nothing was written, and nothing is to be done. */
  | { kind: "over"; reply: DeployReply }
  | { kind: "begun"; row: SentinelRow; nowMs: number; settings: Settings };

/** Nothing was written: its grant is too old, or its rollout has moved on, so that it may launch nothing any more. */
type Aged = { kind: "aged" };

/**
 * The row as it was, with the desired values written. A Deploy that comes late to be launched, because its lane was paused
 * or it waited in Restate's queue, asks its rollout first.
 */
export async function begin(job: Job, abandonedMs?: number): Promise<Beginning> {
  const { headers } = job.ctx.request();
  const rolloutId = headers.get(ROLLOUT_ID_HEADER);
  const grant = rolloutId === undefined ? undefined : grantOf(headers);
  const first = await beginStep(job, { grant, abandonedMs });
  if (first.kind !== "aged") return first;
  const reply = await standsDown(job, rolloutId ?? "", grant);
  if (reply !== undefined) return { kind: "over", reply };
  const again = await beginStep(job, {});
  if (again.kind === "aged") throw new Error("nothing is aged without a grant");
  return again;
}

/** Why its rollout does not launch it any more; undefined: it still does. */
async function standsDown(
  { ctx, writes }: Job,
  rolloutId: string,
  grant: LaunchGrant | undefined,
): Promise<DeployReply | undefined> {
  const { lane = 0, n = 0 } = grant ?? {};
  const direction = directionOf(ctx.request().headers);
  let launches: boolean;
  try {
    launches = await ctx
      .objectClient(RolloutObject, SINGLETON)
      .Launches(
        { rolloutId, lane, grant: n, direction },
        rpc.opts({ name: "does the rollout still launch?" }),
      );
  } catch (error) {
    if (!(error instanceof TerminalError) || error instanceof CancelledError) throw error;
    // The question was killed, or the state is unreadable.
    return { status: "failed", reason: `not deployed: its rollout does not answer: ${error.message}` };
  }
  if (launches) return undefined;
  const reason = "its rollout launches nothing more";
  await ctx.run(`stand down: ${reason}`, () => writes.standsDown(reason));
  return { status: "failed", reason, left: true, untouched: true };
}

/**
 * The row as it was, and the desired values and `progressing` written into it where they change anything. Done again
 * after a crash it finds its own values, which is a Deploy that changes nothing in the row: it writes them again.
 * Everything that decides the course of the Deploy is in its result: a replay may run in a process with other settings.
 */
function beginStep(
  { ctx, request, before, writes, options }: Job,
  { grant, abandonedMs }: { grant?: LaunchGrant | undefined; abandonedMs?: number | undefined },
): RestatePromise<Beginning | Aged> {
  const { store, clusters, deployTimeoutMs, failFastMs, unschedulableMs, lastKnown } = options;
  const { headers } = ctx.request();
  const rolloutId = headers.get(ROLLOUT_ID_HEADER) ?? "";
  return ctx.run("read the sentinel's row, write the desired values", async (): Promise<Beginning | Aged> => {
    const row = await store.read(ctx.key);
    if (row === undefined) return { kind: "unknown" };
    if (abandonedMs !== undefined && !isAbandoned(row, abandonedMs))
      return { kind: "over", reply: settledSince(row) };
    const nowMs = Date.now();
    const doubtful =
      grant !== undefined && (isAged(grant, nowMs) || lastKnown.doubts(rolloutId, directionOf(headers)));
    if (doubtful && !hasBegun(row, request)) return { kind: "aged" };
    const reply = await passedOver(row, request, headers, store);
    if (reply !== undefined) return { kind: "over", reply };
    const cluster = clusters.forRegion(row.regionId)?.name;
    const served = cluster === undefined ? {} : { cluster };
    const settings: Settings = { timeoutMs: deployTimeoutMs, failFastMs, unschedulableMs, ...served };
    const { rowDiffers, desired } = planDeploy(row, request, before?.request, nowMs, settings.timeoutMs);
    // A revert looks at the Deployment first.
    const writesFirst = rowDiffers && cluster !== undefined && revertOf(headers) === undefined;
    if (writesFirst) await writes.begins(row, desired, nowMs);
    return { kind: "begun", row, nowMs, settings };
  });
}

function directionOf(headers: ReadonlyMap<string, string>): Direction {
  return headers.has(REVERTS_HEADER) ? "rollback" : "forward";
}

/** Nothing was written into the row since the watcher found it abandoned. */
function isAbandoned({ deployStatus, updatedAtMs }: SentinelRow, abandonedMs: number): boolean {
  return deployStatus === "progressing" && (updatedAtMs ?? 0) === abandonedMs;
}

function settledSince({ deployStatus }: SentinelRow): DeployReply {
  const reason = `the row was written since, and says ${deployStatus}`;
  return { status: "failed", reason, left: true, untouched: true };
}

/** Its values are in the row already: this very step was cut short, and what has begun is brought to its end. */
function hasBegun(row: SentinelRow, request: DeployRequest): boolean {
  return row.deployStatus === "progressing" && row.image === request.image;
}

/** Why a rollout, or its revert, passes this sentinel over. An operator who deploys to it means it. */
async function passedOver(
  row: SentinelRow,
  request: DeployRequest,
  headers: ReadonlyMap<string, string>,
  store: Pick<SentinelStore, "isRewritten">,
): Promise<DeployReply | undefined> {
  const revert = revertOf(headers);
  const left =
    revert === undefined
      ? undefined
      : leftAlone(row, request.image, revert, await runs(row, revert.image, store));
  // A sentinel that never took the image does not concern the rollback, however it ended.
  if (left?.untouched === true) {
    const { failed_on_image: _, ...untouched } = left;
    return retired(row) === undefined ? left : untouched;
  }
  const reason = revert !== undefined || headers.has(ROLLOUT_ID_HEADER) ? retired(row) : undefined;
  return reason === undefined ? left : { status: "failed", reason, skipped: true };
}

async function runs(
  { runningImage }: SentinelRow,
  image: string,
  store: Pick<SentinelStore, "isRewritten">,
): Promise<boolean> {
  if (runningImage === image || runningImage === "") return runningImage === image;
  return store.isRewritten(image, runningImage);
}
