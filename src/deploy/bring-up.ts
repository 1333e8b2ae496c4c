import type { PatchTerms } from "../kubernetes/cluster.ts";
import { untilDeadline } from "./deadline.ts";
import { type Ending, noClusterServes } from "./ending.ts";
import type { Begun, Job } from "./job.ts";
import { type Patched, patchAndLook, serving, targetOf } from "./look.ts";
import { notTaken } from "./not-taken.ts";
import { termsOf } from "./plan.ts";
import { converge, lookAgain } from "./wait.ts";

/** Patches the Deployment with what is asked for, and waits until it came up or failed. */
export async function bringUp(job: Job, { row, plan, settings }: Begun): Promise<Ending> {
  const { ctx, request, writes, wakeUp, options } = job;
  const { clusters, hints, store } = options;
  const { change, desired, startedMs, nowMs, deadlineMs } = plan;
  const { cluster, failFastMs, unschedulableMs } = settings;
  if (cluster === undefined) return noClusterServes(row.regionId);
  const target = targetOf(row, cluster, clusters);
  const isRewritten = (image: string) => store.isRewritten(change.image, image);
  let stuck: boolean | undefined;
  if (!plan.rowDiffers) {
    const times = { deadlineMs, sinceMs: nowMs, doing: `reading Deployment ${row.k8sName}` };
    const before = await untilDeadline(ctx, "look: serves already?", times, (bounded) =>
      bounded(() => serving(target, change, isRewritten)),
    );
    const { observed, rewritten } = before;
    if (observed !== undefined) return { status: "ready", observed, rewritten };
    stuck = before.stuck;
    if (!plan.adopted) await writes.progressing(desired);
  }
  const patch = (name: string, terms: PatchTerms | undefined, sinceMs: number) =>
    untilDeadline(
      ctx,
      name,
      { deadlineMs, sinceMs, doing: `patching Deployment ${row.k8sName}` },
      async (bounded): Promise<Patched> => {
        // A step whose invocation was killed still runs, and must not patch any more.
        const { attemptCompletedSignal } = ctx.request();
        const asked = () =>
          patchAndLook(target, change, hints, terms && { ...terms, isRewritten }, attemptCompletedSignal);
        const done = await bounded(asked);
        if ("refused" in done || done.look === undefined) return done;
        return { ...done, look: await writes.afterLook(done.look) };
      },
    );
  const terms = termsOf(row, request, plan, stuck);
  const patched = await patch(`patch Deployment ${row.k8sName}`, terms, nowMs);
  if ("refused" in patched) return notTaken(ctx, target, change.image, isRewritten, patched.refused);
  const { expected } = patched;
  const rewritten = expected.image === change.image ? undefined : expected.image;
  if (rewritten !== undefined) {
    await ctx.run("remember what admission makes of the image", () =>
      store.rememberRewritten(change.image, rewritten),
    );
  }
  const patchAgain = (atMs: number) => patch(`patch Deployment ${row.k8sName}, created again`, {}, atMs);
  const times = { startedMs, deadlineMs, failFastMs, unschedulableMs };
  const wait = { target, expected, ...times, writes, patchAgain };
  const look = patched.look ?? (await lookAgain(ctx, wait, patched.atMs));
  return { ...(await converge(ctx, wait, look, wakeUp)), rewritten };
}
