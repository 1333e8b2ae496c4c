import { CancelledError, type ObjectContext, TerminalError } from "@restatedev/restate-sdk";
import { ROLLOUT_ID_HEADER } from "../restate/contract.ts";
import type { DeployReply, DeployRequest } from "../restate/deploy-schemas.ts";
import { grantOf } from "../restate/grant.ts";
import { begin } from "./begin.ts";
import { bringBack } from "./bring-back.ts";
import { bringUp } from "./bring-up.ts";
import { type Ending, failed } from "./ending.ts";
import type { Begun, DeployOptions, Job } from "./job.ts";
import { planDeploy } from "./plan.ts";
import { revertOf } from "./revert.ts";
import { forget, remember, settleByLook, staysKilled } from "./unfinished.ts";

/** What the caller is answered; undefined: there is no such sentinel. */
type Answered = DeployReply | { cancelled: CancelledError } | undefined;

/**
 * Brings one sentinel to the values asked for, and says whether it came up: remembers what is asked for, writes it into the
 * row, patches the Deployment, waits, and settles the row. The row never stays `progressing`: only a kill runs no code,
 * and then the watcher has the row settled by a Deploy that changes nothing.
 * @param abandonedMs this is that one, sent for a row with this updated_at (unix ms; 0: none): it leaves any other alone
 */
export async function deploy(
  ctx: ObjectContext,
  request: DeployRequest,
  options: DeployOptions,
  abandonedMs?: number,
): Promise<DeployReply> {
  const job = await remember(ctx, request, options);
  let begun: Begun | undefined;
  const answered = await toTheEnd(
    job,
    () => begun !== undefined || (abandonedMs === undefined && !isGranted(ctx)),
    async () => {
      const beginning = await begin(job, abandonedMs);
      if (beginning.kind === "unknown") return undefined;
      if (beginning.kind === "over") return beginning.reply;
      begun = take(job, beginning);
      return patchAndWait(job, begun);
    },
  );
  forget(job, begun !== undefined);
  if (answered === undefined) throw new TerminalError(`There is no sentinel ${ctx.key}.`, { errorCode: 404 });
  if ("cancelled" in answered) throw answered.cancelled;
  return answered;
}

/** From here on the row is written as this Deploy read it. */
function take(
  { request, before, rollout, writes }: Job,
  { row, nowMs, settings }: Omit<Begun, "plan"> & { nowMs: number },
): Begun {
  const plan = planDeploy(row, request, before?.request, nowMs, settings.timeoutMs);
  writes.startedMs = plan.startedMs;
  writes.begun(row, plan.desired, nowMs);
  if (rollout !== undefined) writes.before = row;
  return { row, plan, settings };
}

async function patchAndWait(job: Job, begun: Begun): Promise<DeployReply> {
  const killed = begun.plan.adopted ? await staysKilled(job, begun) : undefined;
  if (killed !== undefined) return settle(job, await settleByLook(job, begun, killed));
  const revert = revertOf(job.ctx.request().headers);
  if (revert === undefined) return settle(job, await bringUp(job, begun));
  const brought = await bringBack(job, begun, revert);
  return "reply" in brought ? brought.reply : settle(job, brought);
}

/** Cancelling a lane also cancels the Deploys that it launches at that moment: these may not have begun. */
function isGranted(ctx: ObjectContext): boolean {
  return grantOf(ctx.request().headers) !== undefined;
}

/**
 * Also the end of a Deploy that was cancelled, or whose step gave up at the deadline, is written into the row.
 * @param mayHaveBegun false: it is not known to have written anything, and is not to write over anything
 */
async function toTheEnd(
  job: Job,
  mayHaveBegun: () => boolean,
  work: () => Promise<Answered>,
): Promise<Answered> {
  try {
    return await work();
  } catch (error) {
    // Anything else is retried by Restate.
    if (!(error instanceof TerminalError)) throw error;
    const cancelled = error instanceof CancelledError;
    const ending = failed(cancelled ? "the Deploy was cancelled" : error.message);
    if (cancelled && !mayHaveBegun()) {
      await job.ctx.run("write the outcome if it began", () => job.writes.endIfBegun(ending));
      return { cancelled: error };
    }
    const reply = await settle(job, cancelled ? ending : { ...ending, away: true });
    return cancelled ? { cancelled: error } : reply;
  }
}

/** Writes the ending into the row, unless the step that saw it has. @returns what the caller is told */
async function settle({ ctx, writes }: Job, ending: Ending): Promise<DeployReply> {
  const { writtenMs, rewritten } = ending;
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
  const away = ofRollout && ending.away === true ? { away: true } : {};
  return skipped === null
    ? { status: "failed", reason: ending.reason, ...away, ...runs, ...took }
    : { status: "failed", reason: skipped, skipped: true, ...took };
}
