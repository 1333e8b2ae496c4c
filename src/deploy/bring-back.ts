import type { ObjectContext } from "@restatedev/restate-sdk";
import type { Expectation } from "../domain/convergence.ts";
import type { SentinelRow } from "../mysql/row.ts";
import type { DeployReply } from "../restate/deploy-schemas.ts";
import { type Bounded, kubernetes, untilDeadline } from "./deadline.ts";
import { type Ending, failed, noClusterServes } from "./ending.ts";
import type { Begun, DeployOptions, Job } from "./job.ts";
import { judged, type Look, lookAt, type Patched, type Target, targetOf } from "./look.ts";
import type { DeployPlan } from "./plan.ts";
import { movedTo, type Revert } from "./revert.ts";
import type { RowWrites } from "./row.ts";
import { converge, lookAgain } from "./wait.ts";

type PatchedBack =
  | { kind: "moved"; image: string }
  | { kind: "gone" }
  | { kind: "refused"; reason: string }
  /** `written`: the row says so, too. */
  | { kind: "patched"; expected: Expectation; atMs: number; written: boolean; look?: Look };

interface PatchingBack {
  target: Target;
  plan: DeployPlan;
  revert: Revert;
  writes: RowWrites;
  options: Pick<DeployOptions, "hints" | "store">;
  bounded: Bounded;
  /** Aborted once the attempt is over: a step whose invocation was killed still runs, and must not patch any more. */
  signal: AbortSignal;
}

const GONE = "its Deployment is gone";

/**
 * Brings a sentinel back from the image of a rollout. The Deployment comes first, for the patch itself tests that it has that
 * image still: nothing is written if the Deployment was moved or removed.
 */
export async function bringBack(
  { ctx, wakeUp, writes, options }: Job,
  { row, plan, settings }: Begun,
  revert: Revert,
): Promise<Ending | { reply: DeployReply }> {
  const { clusters, store } = options;
  const { cluster, failFastMs, unschedulableMs } = settings;
  if (cluster === undefined) return noClusterServes(row.regionId);
  const { startedMs, nowMs, deadlineMs, desired } = plan;
  const target = targetOf(row, cluster, clusters);
  const patchBackAs = (name: string, sinceMs: number) =>
    untilDeadline(
      ctx,
      name,
      { deadlineMs, sinceMs, doing: `patching Deployment ${row.k8sName} back` },
      (bounded) =>
        patchBack({
          target,
          plan,
          revert,
          writes,
          options,
          bounded,
          signal: ctx.request().attemptCompletedSignal,
        }),
    );
  const patched = await patchBackAs(`patch Deployment ${row.k8sName} back`, nowMs);
  if (patched.kind === "refused") return failed(patched.reason);
  if (patched.kind !== "patched") {
    return leave(ctx, row, writes, patched.kind === "gone" ? gone() : elsewhere(patched.image, revert));
  }
  if (!patched.written) {
    await writes.progressing(desired);
  }
  const patchAgain = async (atMs: number): Promise<Patched> =>
    asPatched(await patchBackAs(`patch Deployment ${row.k8sName} back, created again`, atMs));
  const { expected } = patched;
  if (expected.image !== plan.change.image) {
    await ctx.run("remember what admission makes of the image", () =>
      store.rememberRewritten(plan.change.image, expected.image),
    );
  }
  const times = { startedMs, deadlineMs, failFastMs, unschedulableMs };
  const wait = { target, expected, ...times, writes, patchAgain };
  const look = patched.look ?? (await lookAgain(ctx, wait, patched.atMs));
  const ending = await converge(ctx, wait, look, wakeUp);
  if (ending.status === "ready") return ending;
  if (ending.moved !== undefined) {
    await writes.end(ending);
    return { reply: movedTo(ending.moved) };
  }
  if (ending.gone !== true) return ending;
  await writes.putBack("put back the row: its Deployment is gone", GONE);
  return { reply: gone() };
}

/** The row may have had the image before the Deployment did. Then it is unknown whether the Deployment ever had it. */
function elsewhere(image: string, { unrecorded }: Revert): DeployReply {
  const moved = movedTo(image);
  return unrecorded ? { ...moved, untouched: true } : moved;
}

function asPatched(patched: PatchedBack): Patched {
  if (patched.kind === "patched") return patched;
  if (patched.kind === "refused") return { refused: patched.reason };
  return { refused: patched.kind === "gone" ? GONE : (movedTo(patched.image).reason ?? "") };
}

function gone(): DeployReply {
  return { status: "failed", reason: GONE, skipped: true };
}

/** A row that a Deploy before had left progressing is none of the rollback's, but must not stay so. */
async function leave(
  ctx: ObjectContext,
  { deployStatus }: SentinelRow,
  writes: RowWrites,
  reply: DeployReply,
): Promise<{ reply: DeployReply }> {
  const { reason = "" } = reply;
  const name = `leave alone: ${reason}`;
  if (deployStatus === "progressing") await writes.putBack(name, reason);
  else await ctx.run(name, () => writes.standsDown(reason));
  return { reply };
}

/** Done again it finds its own image, and changes nothing. */
async function patchBack({
  target,
  plan,
  revert,
  writes,
  options: { hints, store },
  bounded,
  signal,
}: PatchingBack): Promise<PatchedBack> {
  const listening = hints.expect(target.sentinelId);
  try {
    const { change, desired } = plan;
    const outcome = await bounded(() =>
      kubernetes(() =>
        target.cluster().exchange(target.k8sName, change, revert.image, store.isRewritten, signal),
      ),
    );
    if (outcome.kind !== "patched") return outcome;
    const { generation, uid, image = change.image } = outcome.snapshot;
    const expected: Expectation = { image, generation, uid };
    const patched = { kind: "patched" as const, expected, atMs: Date.now() };
    // This step has a deadline, and MySQL's trouble is none of its own.
    const written = await writes.writeProgressing(desired).then(
      (touched) => touched === null,
      () => false,
    );
    if (!written) return { ...patched, written };
    try {
      let look = await bounded(() => judged(target, outcome.snapshot, expected));
      while (look.verdict.kind === "waiting" && (await listening.next()))
        look = await bounded(() => lookAt(target, expected));
      return { ...patched, written, look: await writes.afterLook(look) };
    } catch {
      return { ...patched, written };
    }
  } finally {
    listening.end();
  }
}
