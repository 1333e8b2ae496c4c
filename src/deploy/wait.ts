import { type ObjectContext, RestatePromise } from "@restatedev/restate-sdk";
import type { Expectation, Suspicion } from "../domain/convergence.ts";
import { because } from "../util/plain-text.ts";
import { untilDeadline, within } from "./deadline.ts";
import { type Ending, failed, readyAfter } from "./ending.ts";
import { type Look, lookAt, type Patched, type Target } from "./look.ts";
import type { RowWrites } from "./row.ts";

/** How long (ms) the pods' own reason is worth waiting for. */
const PODS_MS = 2_000;

/** Where NotifyReady finds the Deploy that waits. */
export const AWAKEABLE_KEY = "notify_ready_awakeable";

/** A Deploy that waits for its sentinel. Times are unix milliseconds and durations milliseconds. */
export interface Wait {
  target: Target;
  expected: Expectation;
  /** When the Deploy began, and its deadline. */
  startedMs: number;
  deadlineMs: number;
  /** How long a failure that could heal, and a pod without a node, may last; 0: until the deadline. */
  failFastMs: number;
  unschedulableMs: number;
  writes: RowWrites;
  /** Makes the same change once more, to a Deployment that was deleted and created again; absent: nothing was patched. */
  patchAgain?(nowMs: number): Promise<Patched>;
}

/**
 * Makes this Deploy the one that NotifyReady wakes, once the server has taken it: certain only after the next durable
 * step. What happens to the Deployment before is for a look after that step to see.
 */
export function listen(ctx: ObjectContext): RestatePromise<"woken"> {
  const awakeable = ctx.awakeable<void>();
  ctx.set(AWAKEABLE_KEY, awakeable.id);
  return awakeable.promise.map(() => "woken");
}

/**
 * Waits until the Deployment converged or failed. A wake-up is a hint and nothing more: every decision is made on a look
 * of its own.
 * @param first a look that began after `wakeUp` was certain to be woken
 */
export async function converge(
  ctx: ObjectContext,
  given: Wait,
  first: Look,
  wakeUp: RestatePromise<"woken">,
): Promise<Ending> {
  const { deadlineMs } = given;
  let wait = given;
  let again = false;
  let look = first;
  let waiting = wakeUp;
  let suspected: (Suspicion & { sinceMs: number }) | undefined;
  for (;;) {
    const { verdict, atMs } = look;
    if (verdict.kind === "converged") return readyAfter(look);
    if (verdict.kind === "failed" && look.observed === undefined)
      return { ...failed(verdict.reason), gone: true };
    if (verdict.kind === "failed") {
      const { stalled, moved } = verdict;
      const why = failed(stalled ? await podsTell(ctx, wait, verdict.reason) : verdict.reason);
      return moved === undefined ? why : { ...why, moved };
    }
    if (verdict.kind === "recreated") {
      if (again || wait.patchAgain === undefined)
        return failed("Deployment was deleted and created again more than once");
      if (atMs >= deadlineMs) return failed("Deployment was deleted and created again");
      again = true;
      const patched = await wait.patchAgain(atMs);
      if ("refused" in patched) return failed(patched.refused);
      wait = { ...wait, expected: patched.expected };
      suspected = undefined;
      look = patched.look ?? (await lookAgain(ctx, wait, patched.atMs));
      continue;
    }
    // A deadline that passes from now on is one of this update.
    const { unchanged, ...seen } = wait.expected;
    if (unchanged && !verdict.late) wait = { ...wait, expected: seen };
    const { suspicion } = verdict;
    suspected = suspicion && { ...suspicion, sinceMs: since(suspected, suspicion, atMs) };
    const finalMs = suspected === undefined ? Infinity : suspected.sinceMs + patienceWith(suspected, wait);
    if (atMs >= finalMs) return failed(await podsTell(ctx, wait, suspicion?.reason ?? verdict.on));
    if (atMs >= deadlineMs) {
      const seconds = Math.round((deadlineMs - wait.startedMs) / 1000);
      const overdue = `not converged within ${seconds} s, waiting for ${verdict.on}`;
      return failed(await podsTell(ctx, wait, suspicion?.reason ?? overdue));
    }
    const overdueMs = Math.min(deadlineMs, finalMs);
    const patience = ctx.sleep(overdueMs - atMs, "wait for the rolling update");
    const event = await RestatePromise.race([waiting, patience.map(() => "overdue" as const)]);
    look = await lookAgain(ctx, wait, event === "overdue" ? overdueMs : atMs);
    if (event === "overdue" || look.verdict.kind !== "waiting") continue;
    waiting = listen(ctx);
    await ctx.run("wait to be woken again", () => undefined);
    look = await lookAgain(ctx, wait, look.atMs);
  }
}

/** Since when (unix ms) there has been a failure of this kind; another kind has a time of its own. */
function since(before: (Suspicion & { sinceMs: number }) | undefined, now: Suspicion, atMs: number): number {
  return before?.kind === now.kind ? before.sinceMs : atMs;
}

function patienceWith({ kind }: Suspicion, { failFastMs, unschedulableMs }: Wait): number {
  return (kind === "unschedulable" ? unschedulableMs : failFastMs) || Infinity;
}

/** @param nowMs unix ms, when the step before was done */
export function lookAgain(
  ctx: ObjectContext,
  { target, expected, writes, deadlineMs }: Wait,
  nowMs: number,
): Promise<Look> {
  const times = { deadlineMs, sinceMs: nowMs, doing: `reading Deployment ${target.k8sName}` };
  return untilDeadline(ctx, "look at the Deployment", times, async (bounded) =>
    writes.afterLook(await bounded(() => lookAt(target, expected))),
  );
}

/** The pods' own reason, where there is one, says more than the Deployment's. Not worth failing or waiting for. */
async function podsTell(ctx: ObjectContext, { target }: Wait, otherwise: string): Promise<string> {
  const ask = async () => target.cluster().podTrouble(target.k8sName);
  const own = await ctx.run("ask the pods why", () =>
    within(ask, PODS_MS, `listing the pods of ${target.k8sName}`).catch(() => undefined),
  );
  return because(own?.reason, otherwise);
}
