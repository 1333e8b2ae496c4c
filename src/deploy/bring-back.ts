import type { ObjectContext, RestatePromise } from "@restatedev/restate-sdk";
import type { Expectation } from "../domain/convergence.ts";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { SentinelRow } from "../mysql/row.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import type { DeployReply } from "../restate/deploy-schemas.ts";
import type { Settings } from "./begin.ts";
import { type Bounded, kubernetes, untilDeadline } from "./deadline.ts";
import { failed, type Settlement } from "./ending.ts";
import type { Sightings } from "./local-wake-ups.ts";
import { judged, type Look, lookOn, type Patched, type Place, placeOf } from "./look.ts";
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

interface Job {
  place: Place;
  plan: DeployPlan;
  revert: Revert;
  writes: RowWrites;
  sightings: Sightings;
  store: Pick<SentinelStore, "isRewritten" | "rememberRewritten">;
  bounded: Bounded;
}

const GONE = "its Deployment is gone";

/**
 * Brings a sentinel back from the image of a rollout. The Deployment comes first, for the patch itself tests that it has that
 * image still: nothing at all is written where somebody has moved or removed it.
 */
export async function bringBack(
  ctx: ObjectContext,
  row: SentinelRow,
  plan: DeployPlan,
  revert: Revert,
  { cluster, failFastMs, unschedulableMs }: Settings,
  wakeUp: RestatePromise<"woken">,
  writes: RowWrites,
  { clusters, sightings, store }: Pick<Job, "sightings" | "store"> & { clusters: Clusters },
): Promise<Settlement | { reply: DeployReply }> {
  if (cluster === undefined)
    return failed(`no cluster serves the region ${row.regionId} (see KUBE_CONTEXTS)`);
  const { startedMs, nowMs, deadlineMs, desired } = plan;
  const place = placeOf(row, cluster, clusters);
  const patchBackAs = (name: string, sinceMs: number) =>
    untilDeadline(
      ctx,
      name,
      { deadlineMs, sinceMs, doing: `patching Deployment ${row.k8sName} back` },
      (bounded) => patchBack({ place, plan, revert, writes, sightings, store, bounded }),
    );
  const patched = await patchBackAs(`patch Deployment ${row.k8sName} back`, nowMs);
  if (patched.kind === "refused") return failed(patched.reason);
  if (patched.kind !== "patched") {
    return leave(ctx, row, writes, patched.kind === "gone" ? gone() : movedTo(patched.image));
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
  const wait = { place, expected, ...times, writes, patchAgain };
  const look = patched.look ?? (await lookAgain(ctx, wait, patched.atMs));
  const settlement = await converge(ctx, wait, look, wakeUp);
  const { moved } = settlement;
  if (moved !== undefined) {
    await writes.end(settlement.ending);
    return { reply: movedTo(moved) };
  }
  if (settlement.gone !== true) return settlement;
  await writes.putBack("put back the row: its Deployment is gone", GONE);
  return { reply: gone() };
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
  place,
  plan,
  revert,
  writes,
  sightings,
  store,
  bounded,
}: Job): Promise<PatchedBack> {
  const sighting = sightings.expect(place.sentinelId);
  try {
    const { change, desired } = plan;
    const outcome = await bounded(() =>
      kubernetes(() => place.cluster().exchange(place.k8sName, change, revert.image, store.isRewritten)),
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
      let look = await bounded(() => judged(place, outcome.snapshot, expected));
      while (look.verdict.kind === "waiting") {
        const sight = await sighting.next();
        if (sight === undefined) break;
        look = await bounded(() => lookOn(place, sight, expected));
      }
      return { ...patched, written, look: await writes.afterLook(look) };
    } catch {
      return { ...patched, written };
    }
  } finally {
    sighting.end();
  }
}
