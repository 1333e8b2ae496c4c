import type { LaneBook } from "../../../src/domain/drive-state.ts";
import { laneKey } from "../../../src/domain/state-keys.ts";
import { isRetried } from "../../../src/domain/tally.ts";
import { holds } from "./holds.ts";
import { entriesOf } from "./recorded.ts";
import { driveOf, headOf } from "./steps.ts";
import type { Step, System, World } from "./world.ts";

/** The first result counts, and what failed or was skipped is never reverted, unless an earlier rollout had deployed it. */
export function aResultStays(from: World, { to, name }: Step): void {
  if (headOf(from)?.rolloutId !== headOf(to)?.rolloutId) return;
  const before = new Map(entriesOf(from).map((entry) => [entry.id, entry.is]));
  for (const { id, is, earlier } of entriesOf(to)) {
    const was = before.get(id);
    if (was === undefined || was === is || was === "waiting") continue;
    const failedToo = was === "failed" && headOf(to)?.revertsFailed === true;
    const leftOver = failedToo || (earlier && (was === "failed" || was === "skipped"));
    // Of these below.
    if (was === "failed" && !leftOver) continue;
    const again = leftOver && was === "failed" && is !== "waiting";
    holds(
      again || ((was === "succeeded" || leftOver) && is === "reverted"),
      `${name}: ${id} was ${was} and is ${is}`,
    );
  }
}

/** Who failed comes to something else by a retry of the present drive alone: a late result of an earlier attempt is none. */
export function aFailedOneChangesByItsRetry(from: World, { to, name }: Step): void {
  if (headOf(from)?.rolloutId !== headOf(to)?.rolloutId) return;
  const before = new Map(entriesOf(from).map((entry) => [entry.id, entry]));
  const back = headOf(to)?.revertsFailed === true;
  for (const { id, is, why, earlier } of entriesOf(to)) {
    const was = before.get(id);
    if (was?.is !== "failed" || earlier || (is === "failed" && why === was.why)) continue;
    if (back && is === "reverted") continue;
    const held = Object.keys(driveOf(from)?.lanes ?? {}).flatMap((n) => {
      const { out = [], grant, done = [] } = (from.kv.get(laneKey(n)) ?? {}) as Partial<LaneBook>;
      return [...out, ...(grant?.items ?? []), ...done];
    });
    const again = held.find((item) => item.id === id && item.retry);
    holds(again !== undefined, `${name}: ${id} failed and is ${is}, and nobody has deployed it again`);
    // A change that was cut short may have recorded it before it was told.
    const torn = isRetried(was) || to.left.torn !== from.left.torn;
    holds(torn || earlier, `${name}: the part said that ${id} was deployed again`);
  }
}

export function nothingIsLeftOnTheImage({ left }: World, { outcome, to, name }: Step, system: System): void {
  const end = outcome?.notifications.find((notification) => notification.kind === "rollback completed");
  if (end?.kind !== "rollback completed" || end.failed > 0 || end.interruption !== undefined) return;
  // Who was paused in Restate may launch its last grant when it is resumed, after all others have gone home.
  if (left.freeze !== (system.left.freeze ?? 0)) return;
  const { image } = headOf(to) ?? {};
  const entries = new Map(entriesOf(to).map((entry) => [entry.id, entry]));
  for (const [id, row] of Object.entries(to.rows)) {
    const { is, earlier } = entries.get(id) ?? {};
    // One is left as it was, too, that failed in an earlier rollout of the image, or of which only its row tells that it did.
    // And one that a completed rollout deployed: the next one of the image, for who was skipped, has nothing to do with it.
    const ofACompleted = is === undefined && system.left.skip !== undefined;
    const failedByRow = row.is === "failed" && row.ran !== image;
    const failedToo = headOf(to)?.revertsFailed === true && is === "failed";
    const cameUp = is === "failed" && row.is === "ready";
    const out = ((is === "failed" || is === "skipped") && !earlier && !cameUp) || failedByRow || ofACompleted;
    holds(
      (out && !failedToo) || row.image !== image,
      `${name}: a complete rollback leaves nobody on the image, but ${id} (${is})`,
    );
    holds(is !== "succeeded", `${name}: a complete rollback has reverted ${id}`);
  }
}
