import { CancelledError, type ObjectContext, rpc, TerminalError } from "@restatedev/restate-sdk";
import { REVERTS_HEADER, ROLLOUT_ID_HEADER, RolloutObject, SINGLETON } from "../restate/contract.ts";
import type { DeployRequest } from "../restate/deploy-schemas.ts";
import { kubernetes, untilDeadline } from "./deadline.ts";
import { type Ending, noClusterServes } from "./ending.ts";
import type { Begun, DeployOptions, Job, Unfinished } from "./job.ts";
import { targetOf } from "./look.ts";
import { notDeployed } from "./not-taken.ts";
import { askedFor, asksForMore } from "./plan.ts";
import { RowWrites } from "./row.ts";
import { AWAKEABLE_KEY, converge, listen, lookAgain } from "./wait.ts";

/** What the Deploy that is running was asked for, and by whom: should it be killed, the next one settles what it left. */
const REQUEST_KEY = "deploy_request";

function rolloutOf(headers: ReadonlyMap<string, string>): Unfinished["rollout"] {
  const id = headers.get(ROLLOUT_ID_HEADER);
  return id === undefined ? undefined : { id, reverts: headers.has(REVERTS_HEADER) };
}

/**
 * The first of all: keeps what this Deploy is asked for, and makes it the one that NotifyReady wakes. Both are with Restate
 * once the first step is done: before the patch, for the wake-up can come as soon as Kubernetes has heard of the change.
 */
export async function remember(
  ctx: ObjectContext,
  request: DeployRequest,
  options: DeployOptions,
): Promise<Job> {
  const before = await unfinishedOf(ctx);
  const asked = askedFor(request, before?.request);
  const asksNothing = Object.values(request).every((field) => !field);
  const rollout = rolloutOf(ctx.request().headers) ?? (asksNothing ? before?.rollout : undefined);
  const keeps = asksForMore(asked) || rollout !== undefined;
  const wakeUp = listen(ctx);
  if (keeps) {
    const now: Unfinished = { request: asked, ...(rollout === undefined ? {} : { rollout }) };
    ctx.set(REQUEST_KEY, now);
  }
  return { ctx, request, options, before, rollout, keeps, wakeUp, writes: new RowWrites(ctx, options) };
}

/** The last of all. What was never begun takes nothing over from a Deploy that was killed. */
export function forget({ ctx, before, keeps }: Job, begun: boolean): void {
  ctx.clear(AWAKEABLE_KEY);
  if (!begun && before !== undefined) ctx.set(REQUEST_KEY, before);
  else if (keeps || before !== undefined) ctx.clear(REQUEST_KEY);
}

/** What is stored; an earlier version stored the request alone. */
async function unfinishedOf(ctx: ObjectContext): Promise<Unfinished | undefined> {
  const stored = await ctx.get<Unfinished | DeployRequest>(REQUEST_KEY);
  if (stored === null) return undefined;
  return "request" in stored ? stored : { request: stored as DeployRequest };
}

/**
 * Why a Deploy that was cut short is not gone on with; undefined: it is. What was killed stays killed once its rollout is
 * cancelled, or its time is over.
 */
export async function staysKilled(
  { ctx, before }: Job,
  { plan: { deadlineMs, nowMs } }: Begun,
): Promise<string | undefined> {
  if (nowMs >= deadlineMs) return "its time is over";
  const { rollout } = before ?? {};
  if (rollout === undefined) return undefined;
  // A revert had patched before its row said so.
  if (rollout.reverts) return "it was a revert";
  const asked = { rolloutId: rollout.id, lane: 0, grant: 0, direction: "forward", killed: true } as const;
  try {
    const goesOn = await ctx
      .objectClient(RolloutObject, SINGLETON)
      .Launches(asked, rpc.opts({ name: "is its rollout cancelled?" }));
    return goesOn ? undefined : "its rollout is cancelled";
  } catch (error) {
    if (!(error instanceof TerminalError) || error instanceof CancelledError) throw error;
    return `its rollout does not answer: ${error.message}`;
  }
}

/** Settles what a Deploy left that was killed, and changes nothing but the row. */
export async function settleByLook(
  { ctx, wakeUp, writes, options }: Job,
  { row, plan, settings }: Begun,
  why: string,
): Promise<Ending> {
  const { clusters, hints, store } = options;
  const { cluster, failFastMs, unschedulableMs } = settings;
  if (cluster === undefined) return noClusterServes(row.regionId);
  const { startedMs, nowMs, deadlineMs, desired } = plan;
  const target = targetOf(row, cluster, clusters);
  const { present, patched } = await untilDeadline(
    ctx,
    "look: was it patched before it was killed?",
    { deadlineMs, sinceMs: nowMs, doing: `reading Deployment ${row.k8sName}` },
    async (bounded) => {
      // What the killed one saw converge may come up once more, and this one waits for it.
      hints.expect(row.id).end();
      const found = await bounded(() => kubernetes(() => target.cluster().read(target.k8sName)));
      const image = found?.image ?? null;
      const is =
        image === desired.image || (image !== null && (await store.isRewritten(desired.image, image)));
      return { present: image, patched: is };
    },
  );
  if (present !== null && !patched) {
    return notDeployed(`not deployed: its Deploy was killed, and ${why}`, present);
  }
  const wait = {
    ...{ target, expected: { image: present ?? desired.image, generation: 0 } },
    ...{ startedMs, deadlineMs, failFastMs, unschedulableMs, writes },
  };
  return converge(ctx, wait, await lookAgain(ctx, wait, nowMs), wakeUp);
}
