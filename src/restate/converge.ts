import { type ObjectContext, RestatePromise } from "@restatedev/restate-sdk";
import { type Expectation, judge, observe, type Verdict } from "../domain/convergence.ts";
import type { Cluster } from "../kubernetes/cluster.ts";
import type { Observation } from "../mysql/sentinels.ts";
import { plainText } from "./plain-text.ts";
import { kubernetes, untilDeadline } from "./steps.ts";

/** As many characters as deploy_error takes. */
const REASON_LIMIT = 1_024;

/** How a Deploy ended: what is written into the row. */
export type Ending =
  /** `seenMs`: when it was found converged (unix ms); absent where it served already and nothing was patched. */
  { status: "ready"; observed: Observation; seenMs?: number } | { status: "failed"; reason: string };

/** One look at a Deployment, as the journal keeps it. */
export interface Look {
  verdict: Verdict;
  /** Absent when there is no Deployment. */
  observed?: Observation;
  atMs: number;
}

/** Where NotifyReady finds the Deploy that waits. */
export const AWAKEABLE_KEY = "notify_ready_awakeable";

/** A Deploy that waits for its sentinel. Times are unix milliseconds and durations milliseconds. */
export interface Wait {
  cluster: Cluster;
  k8sName: string;
  expected: Expectation;
  /** When the Deploy began, and when it has failed. */
  startedMs: number;
  deadlineMs: number;
  /** How long a failure that could heal may last; 0: until the deadline. */
  failFastMs: number;
}

async function lookAt(cluster: Cluster, k8sName: string, expected: Expectation): Promise<Look> {
  const snapshot = await kubernetes(() => cluster.read(k8sName));
  const verdict = await withPods(cluster, k8sName, judge(snapshot, expected), snapshot?.updatedReplicas ?? 0);
  return { verdict, ...(snapshot === undefined ? {} : { observed: observe(snapshot) }), atMs: Date.now() };
}

/** Pods that can never come up fail a Deploy that still waits for them; others may heal. */
async function withPods(
  cluster: Cluster,
  k8sName: string,
  verdict: Verdict,
  updatedReplicas: number,
): Promise<Verdict> {
  // Without a pod of the new template those in trouble are the old one's.
  if (verdict.kind !== "waiting" || updatedReplicas === 0 || !cluster.inTrouble(k8sName)) return verdict;
  const trouble = await kubernetes(() => cluster.podTrouble(k8sName));
  if (trouble === undefined) return verdict;
  return trouble.heals
    ? { ...verdict, suspicion: trouble.reason }
    : { kind: "failed", reason: trouble.reason };
}

/** Makes this Deploy the one that NotifyReady wakes. */
export function listen(ctx: ObjectContext): RestatePromise<"woken"> {
  const awakeable = ctx.awakeable<void>();
  ctx.set(AWAKEABLE_KEY, awakeable.id);
  return awakeable.promise.map(() => "woken");
}

/**
 * Waits until the Deployment converged or failed. A wake-up is a hint and nothing more: every decision is made on a look
 * of its own. A look follows each registration, because a notification from before it is lost.
 */
export async function converge(
  ctx: ObjectContext,
  wait: Wait,
  first: RestatePromise<"woken">,
): Promise<Ending> {
  const { cluster, k8sName, deadlineMs, failFastMs } = wait;
  let wakeUp = first;
  let nowMs = wait.startedMs;
  let suspectedMs: number | undefined;
  for (;;) {
    const look = await ctx.run(
      "look at the Deployment",
      () => lookAt(cluster, k8sName, wait.expected),
      untilDeadline(deadlineMs, nowMs),
    );
    nowMs = look.atMs;
    const { verdict } = look;
    if (verdict.kind === "converged") return ready(look);
    if (verdict.kind === "failed") {
      return failed(verdict.stalled ? await podsTell(ctx, wait, verdict.reason) : verdict.reason);
    }
    suspectedMs = verdict.suspicion === undefined ? undefined : (suspectedMs ?? nowMs);
    const finalMs = suspectedMs === undefined || failFastMs === 0 ? Infinity : suspectedMs + failFastMs;
    if (nowMs >= finalMs) return failed(await podsTell(ctx, wait, verdict.suspicion ?? verdict.on));
    if (nowMs >= deadlineMs) {
      const seconds = Math.round((deadlineMs - wait.startedMs) / 1000);
      const overdue = `not converged within ${seconds} s, waiting for ${verdict.on}`;
      return failed(await podsTell(ctx, wait, verdict.suspicion ?? overdue));
    }
    const patience = ctx.sleep(Math.min(deadlineMs, finalMs) - nowMs, "wait for the rolling update");
    const event = await RestatePromise.race([wakeUp, patience.map(() => "overdue" as const)]);
    if (event === "woken") wakeUp = listen(ctx);
  }
}

function ready(look: Look): Ending {
  const observed = look.observed ?? { health: "unknown", availableReplicas: 0 };
  return { status: "ready", observed, seenMs: look.atMs };
}

/** The reason may be in the words of whoever can write to the cluster. */
export function failed(reason: string): Ending {
  return { status: "failed", reason: plainText(reason, REASON_LIMIT) };
}

/** The pods' own reason, where there is one, says more than the Deployment's. Not worth failing or waiting for. */
async function podsTell(ctx: ObjectContext, { cluster, k8sName }: Wait, otherwise: string): Promise<string> {
  const own = await ctx.run("ask the pods why", () => cluster.podTrouble(k8sName).catch(() => undefined));
  return own === undefined || otherwise.startsWith(own.reason) ? otherwise : `${own.reason} (${otherwise})`;
}
