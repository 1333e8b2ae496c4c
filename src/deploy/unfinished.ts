import {
  CancelledError,
  type ObjectContext,
  type RestatePromise,
  rpc,
  TerminalError,
} from "@restatedev/restate-sdk";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { SentinelRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { REVERTS_HEADER, ROLLOUT_ID_HEADER, RolloutObject, SINGLETON } from "../restate/contract.ts";
import type { DeployRequest } from "../restate/deploy-schemas.ts";
import type { Settings } from "./begin.ts";
import { kubernetes, untilDeadline } from "./deadline.ts";
import { failed, type Settlement } from "./ending.ts";
import { placeOf } from "./look.ts";
import { notDeployed } from "./not-taken.ts";
import type { DeployPlan } from "./plan.ts";
import type { RowWrites } from "./row.ts";
import { converge, lookAgain } from "./wait.ts";

/** What the Deploy that is running was asked for, and by whom: should it be killed, the next one settles what it left. */
export const REQUEST_KEY = "deploy_request";

export interface Unfinished {
  request: DeployRequest;
  /** Absent: it was no rollout's. */
  rollout?: { id: string; reverts: boolean };
}

export function rolloutOf(headers: ReadonlyMap<string, string>): Unfinished["rollout"] {
  const id = headers.get(ROLLOUT_ID_HEADER);
  return id === undefined ? undefined : { id, reverts: headers.has(REVERTS_HEADER) };
}

/** What is stored; an earlier version stored the request alone. */
export async function unfinishedOf(ctx: ObjectContext): Promise<Unfinished | undefined> {
  const stored = await ctx.get<Unfinished | DeployRequest>(REQUEST_KEY);
  if (stored === null) return undefined;
  return "request" in stored ? stored : { request: stored as DeployRequest };
}

/**
 * Why a Deploy that was cut short is not gone on with; undefined: it is. What was killed stays killed once its rollout is
 * cancelled, or its time is over.
 */
export async function staysKilled(
  ctx: ObjectContext,
  { deadlineMs, nowMs }: DeployPlan,
  unfinished: Unfinished | undefined,
): Promise<string | undefined> {
  if (nowMs >= deadlineMs) return "its time is over";
  const { rollout } = unfinished ?? {};
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
  ctx: ObjectContext,
  why: string,
  row: SentinelRow,
  plan: DeployPlan,
  { cluster, failFastMs, unschedulableMs }: Settings,
  wakeUp: RestatePromise<"woken">,
  writes: RowWrites,
  { clusters, store }: { clusters: Clusters; store: Pick<SentinelStore, "isRewritten"> },
): Promise<Settlement> {
  if (cluster === undefined)
    return failed(`no cluster serves the region ${row.regionId} (see KUBE_CONTEXTS)`);
  const { startedMs, nowMs, deadlineMs, desired } = plan;
  const place = placeOf(row, cluster, clusters);
  const { present, patched } = await untilDeadline(
    ctx,
    "look: was it patched before it was killed?",
    { deadlineMs, sinceMs: nowMs, doing: `reading Deployment ${row.k8sName}` },
    async (bounded) => {
      const found = await bounded(() => kubernetes(() => place.cluster().read(place.k8sName)));
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
    ...{ place, expected: { image: present ?? desired.image, generation: 0 } },
    ...{ startedMs, deadlineMs, failFastMs, unschedulableMs, writes },
  };
  return converge(ctx, wait, await lookAgain(ctx, wait, nowMs), wakeUp);
}
