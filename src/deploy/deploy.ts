import {
  CancelledError,
  type ObjectContext,
  type RestatePromise,
  TerminalError,
} from "@restatedev/restate-sdk";
import type { PatchTerms } from "../kubernetes/cluster.ts";
import type { SentinelRow } from "../mysql/row.ts";
import { ROLLOUT_ID_HEADER } from "../restate/contract.ts";
import type { DeployReply, DeployRequest } from "../restate/deploy-schemas.ts";
import { grantOf } from "../restate/grant.ts";
import { type BeginOptions, begin, type Settings } from "./begin.ts";
import { bringBack } from "./bring-back.ts";
import { untilDeadline } from "./deadline.ts";
import { failed, type Settlement } from "./ending.ts";
import type { Sightings } from "./local-wake-ups.ts";
import { type Patched, patchAndLook, placeOf, serving } from "./look.ts";
import { notTaken } from "./not-taken.ts";
import { askedFor, asksForMore, type DeployPlan, planDeploy, termsOf } from "./plan.ts";
import { revertOf } from "./revert.ts";
import { RowWrites, type RowWritesOptions } from "./row.ts";
import {
  REQUEST_KEY,
  rolloutOf,
  settleByLook,
  staysKilled,
  type Unfinished,
  unfinishedOf,
} from "./unfinished.ts";
import { AWAKEABLE_KEY, converge, listen, lookAgain } from "./wait.ts";

export interface DeployOptions extends RowWritesOptions, BeginOptions {
  sightings: Sightings;
}

/**
 * Brings one sentinel to the values asked for, and says whether it came up. Whatever happens the row does not stay
 * `progressing`; a kill alone runs no code, and then the watcher has the row settled by a Deploy that changes nothing.
 * @param settles this is that one, sent for a row with this updated_at (unix ms; 0: none): it leaves any other alone
 */
export async function deploy(
  ctx: ObjectContext,
  request: DeployRequest,
  options: DeployOptions,
  settles?: number,
): Promise<DeployReply> {
  const before = await unfinishedOf(ctx);
  const unfinished = before?.request;
  const asked = askedFor(request, unfinished);
  const asksNothing = Object.values(request).every((field) => !field);
  const rollout = rolloutOf(ctx.request().headers) ?? (asksNothing ? before?.rollout : undefined);
  const keeps = asksForMore(asked) || rollout !== undefined;
  // Both are with Restate once the first step is done: before the patch, for the wake-up can come as soon as Kubernetes
  // has heard of the change.
  const wakeUp = listen(ctx);
  if (keeps) {
    const now: Unfinished = { request: asked, ...(rollout === undefined ? {} : { rollout }) };
    ctx.set(REQUEST_KEY, now);
  }
  const writes = new RowWrites(ctx, options);
  let taken = false;
  const mayHaveBegun = () => taken || (settles === undefined && grantOf(ctx.request().headers) === undefined);
  const response = await toTheEnd(ctx, writes, mayHaveBegun, async (): Promise<DeployReply | undefined> => {
    const beginning = await begin(ctx, request, unfinished, writes, options, settles);
    if (beginning.kind === "unknown") return undefined;
    if (beginning.kind === "over") return beginning.reply;
    taken = true;
    const { row, nowMs, settings } = beginning;
    const plan = planDeploy(row, request, unfinished, nowMs, settings.timeoutMs);
    writes.startedMs = plan.startedMs;
    writes.begun(row, plan.desired, nowMs);
    const why = plan.adopted ? await staysKilled(ctx, plan, before) : undefined;
    if (why !== undefined) {
      return settle(ctx, await settleByLook(ctx, why, row, plan, settings, wakeUp, writes, options), writes);
    }
    const revert = revertOf(ctx.request().headers);
    if (revert !== undefined) {
      writes.before = row;
      const brought = await bringBack(ctx, row, plan, revert, settings, wakeUp, writes, options);
      return "reply" in brought ? brought.reply : settle(ctx, brought, writes);
    }
    return settle(ctx, await bringUp(ctx, request, row, plan, settings, wakeUp, writes, options), writes);
  });
  ctx.clear(AWAKEABLE_KEY);
  // What was never begun takes nothing over from a Deploy that was killed.
  if (!taken && before !== undefined) ctx.set(REQUEST_KEY, before);
  else if (keeps || before !== undefined) ctx.clear(REQUEST_KEY);
  if (response === undefined) {
    throw new TerminalError(`There is no sentinel ${ctx.key}.`, { errorCode: 404 });
  }
  if ("cancelled" in response) throw response.cancelled;
  return response;
}

/** Also the end of a Deploy that was cancelled, or whose step gave up at the deadline, is written into the row. */
async function toTheEnd<T>(
  ctx: ObjectContext,
  writes: RowWrites,
  mayHaveBegun: () => boolean,
  work: () => Promise<T>,
): Promise<T | DeployReply | { cancelled: CancelledError }> {
  try {
    return await work();
  } catch (error) {
    // Anything else is retried by Restate.
    if (!(error instanceof TerminalError)) throw error;
    const cancelled = error instanceof CancelledError;
    // A lane that is cancelled takes along what it launches only then: that is not to write over anything.
    if (cancelled && !mayHaveBegun()) {
      const { ending } = failed("the Deploy was cancelled");
      await ctx.run("write the outcome if it began", () => writes.endIfBegun(ending));
      return { cancelled: error };
    }
    const reason = cancelled ? "the Deploy was cancelled" : error.message;
    const response = await settle(ctx, failed(reason), writes);
    return cancelled ? { cancelled: error } : response;
  }
}

async function bringUp(
  ctx: ObjectContext,
  request: DeployRequest,
  row: SentinelRow,
  plan: DeployPlan,
  settings: Settings,
  wakeUp: RestatePromise<"woken">,
  writes: RowWrites,
  { clusters, sightings, store }: DeployOptions,
): Promise<Settlement> {
  const { change, desired, startedMs, nowMs, deadlineMs } = plan;
  const { cluster, failFastMs, unschedulableMs } = settings;
  if (cluster === undefined)
    return failed(`no cluster serves the region ${row.regionId} (see KUBE_CONTEXTS)`);
  const place = placeOf(row, cluster, clusters);
  const isRewritten = (image: string) => store.isRewritten(change.image, image);
  let stuck: boolean | undefined;
  if (!plan.changes) {
    const times = { deadlineMs, sinceMs: nowMs, doing: `reading Deployment ${row.k8sName}` };
    const before = await untilDeadline(ctx, "look: serves already?", times, (bounded) =>
      bounded(() => serving(place, change, isRewritten)),
    );
    const { observed, rewritten } = before;
    if (observed !== undefined) return { ending: { status: "ready", observed }, rewritten };
    stuck = before.stuck;
    if (!plan.adopted) await writes.progressing(desired);
  }
  const patch = (name: string, terms: PatchTerms | undefined, sinceMs: number) =>
    untilDeadline(
      ctx,
      name,
      { deadlineMs, sinceMs, doing: `patching Deployment ${row.k8sName}` },
      async (bounded): Promise<Patched> => {
        const asked = () => patchAndLook(place, change, sightings, terms && { ...terms, isRewritten });
        const done = await bounded(asked);
        if ("refused" in done || done.look === undefined) return done;
        return { ...done, look: await writes.afterLook(done.look) };
      },
    );
  const terms = termsOf(row, request, plan, stuck);
  const patched = await patch(`patch Deployment ${row.k8sName}`, terms, nowMs);
  if ("refused" in patched) return notTaken(ctx, place, change.image, isRewritten, patched.refused);
  const { expected } = patched;
  const rewritten = expected.image === change.image ? undefined : expected.image;
  if (rewritten !== undefined) {
    await ctx.run("remember what admission makes of the image", () =>
      store.rememberRewritten(change.image, rewritten),
    );
  }
  const patchAgain = (atMs: number) => patch(`patch Deployment ${row.k8sName}, created again`, {}, atMs);
  const times = { startedMs, deadlineMs, failFastMs, unschedulableMs };
  const wait = { place, expected, ...times, writes, patchAgain };
  const look = patched.look ?? (await lookAgain(ctx, wait, patched.atMs));
  return { ...(await converge(ctx, wait, look, wakeUp)), rewritten };
}

async function settle(
  ctx: ObjectContext,
  { ending, writtenMs, rewritten }: Settlement,
  writes: RowWrites,
): Promise<DeployReply> {
  const { skipped, endedMs, superseded } =
    writtenMs === undefined
      ? await writes.end(ending)
      : { skipped: null, endedMs: writtenMs, superseded: undefined };
  const { startedMs = endedMs } = writes;
  const ofRollout = ctx.request().headers.has(ROLLOUT_ID_HEADER);
  const took = ofRollout ? { duration_ms: Math.max(0, endedMs - startedMs) } : {};
  const runs = rewritten === undefined ? {} : { rewritten_to: rewritten };
  if (superseded !== undefined) return { status: "failed", reason: superseded, left: true, ...took };
  if (ending.status === "ready") return { status: "ready", ...runs, ...took };
  return skipped === null
    ? { status: "failed", reason: ending.reason, ...runs, ...took }
    : { status: "failed", reason: skipped, skipped: true, ...took };
}
