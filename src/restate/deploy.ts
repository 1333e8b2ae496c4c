import {
  CancelledError,
  type ObjectContext,
  type RestatePromise,
  TerminalError,
} from "@restatedev/restate-sdk";
import type { SentinelRow } from "../mysql/sentinels.ts";
import { bringBack } from "./bring-back.ts";
import { AWAKEABLE_KEY, converge, failed, listen, lookAgain, type Settlement } from "./converge.ts";
import { type BeginOptions, begin, type Settings } from "./deploy-begin.ts";
import { askedFor, asksForMore, type DeployPlan, planDeploy } from "./deploy-plan.ts";
import { grantOf } from "./grant.ts";
import { type Patched, patchAndLook, placeOf, serving } from "./look.ts";
import { ROLLOUT_ID_HEADER } from "./names.ts";
import { revertOf } from "./revert.ts";
import { RowWrites, type RowWritesOptions } from "./row-writes.ts";
import type { DeployReply, DeployRequest } from "./schemas.ts";
import type { Sightings } from "./sightings.ts";
import { untilDeadline } from "./steps.ts";
import {
  REQUEST_KEY,
  rolloutOf,
  settleByLook,
  staysKilled,
  type Unfinished,
  unfinishedOf,
} from "./unfinished.ts";

export interface DeployOptions extends RowWritesOptions, BeginOptions {
  sightings: Sightings;
}

/**
 * Brings one sentinel to the values asked for, and says whether it came up. Whatever happens the row does not stay
 * `progressing`; a kill alone runs no code, and then the watcher has the row settled by a Deploy that changes nothing.
 */
export async function deploy(
  ctx: ObjectContext,
  request: DeployRequest,
  options: DeployOptions,
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
  const mayHaveBegun = () => taken || grantOf(ctx.request().headers) === undefined;
  const response = await toTheEnd(ctx, writes, mayHaveBegun, async (): Promise<DeployReply | undefined> => {
    const beginning = await begin(ctx, request, unfinished, writes, options);
    if (beginning.kind === "unknown") return undefined;
    if (beginning.kind === "over") return beginning.reply;
    taken = true;
    const { row, nowMs, settings } = beginning;
    const plan = planDeploy(row, request, unfinished, nowMs, settings.timeoutMs);
    writes.startedMs = plan.startedMs;
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
    return settle(ctx, await bringUp(ctx, row, plan, settings, wakeUp, writes, options), writes);
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
  row: SentinelRow,
  plan: DeployPlan,
  { cluster, failFastMs }: Settings,
  wakeUp: RestatePromise<"woken">,
  writes: RowWrites,
  { clusters, sightings }: Pick<DeployOptions, "clusters" | "sightings">,
): Promise<Settlement> {
  const { change, desired, startedMs, nowMs, deadlineMs } = plan;
  if (cluster === undefined)
    return failed(`no cluster serves the region ${row.regionId} (see KUBE_CONTEXTS)`);
  const place = placeOf(row, cluster, clusters);
  if (!plan.changes) {
    const { observed } = await ctx.run(
      "look: serves already?",
      () => serving(place, change),
      untilDeadline(deadlineMs, nowMs),
    );
    if (observed !== undefined) return { ending: { status: "ready", observed } };
    if (!plan.adopted) {
      await ctx.run("write the desired values", () => writes.progressing(desired, Date.now()));
    }
  }
  const patched = await ctx.run(
    `patch Deployment ${row.k8sName}`,
    async (): Promise<Patched> => {
      const done = await patchAndLook(place, change, sightings);
      if ("refused" in done || done.look === undefined) return done;
      return { ...done, look: await writes.afterLook(done.look) };
    },
    untilDeadline(deadlineMs, nowMs),
  );
  if ("refused" in patched) return failed(patched.refused);
  const expected = { image: desired.image, generation: patched.generation };
  const wait = { place, expected, startedMs, deadlineMs, failFastMs, writes };
  const look = patched.look ?? (await lookAgain(ctx, wait, patched.atMs));
  return converge(ctx, wait, look, wakeUp);
}

async function settle(
  ctx: ObjectContext,
  { ending, writtenMs }: Settlement,
  writes: RowWrites,
): Promise<DeployReply> {
  const { skipped, endedMs } =
    writtenMs === undefined
      ? await ctx.run(`write the outcome: ${ending.status}`, () => writes.end(ending))
      : { skipped: null, endedMs: writtenMs };
  const { startedMs = endedMs } = writes;
  const ofRollout = ctx.request().headers.has(ROLLOUT_ID_HEADER);
  const took = ofRollout ? { duration_ms: Math.max(0, endedMs - startedMs) } : {};
  if (ending.status === "ready") return { status: "ready", ...took };
  return skipped === null
    ? { status: "failed", reason: ending.reason, ...took }
    : { status: "failed", reason: skipped, skipped: true, ...took };
}
