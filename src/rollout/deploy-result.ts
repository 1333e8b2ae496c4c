import { TerminalError } from "@restatedev/restate-sdk";
import type { Direction, Item, SentinelResult } from "../domain/drive-state.ts";
import { waveOf } from "../domain/parts.ts";
import type { DeployReply } from "../restate/deploy-schemas.ts";

/**
 * What a Deploy call came to. One that was cancelled, killed or refused is a failure of that sentinel alone; a sentinel
 * that is no longer running is neither a failure nor a success.
 */
export function deployResult(
  item: Item,
  direction: Direction,
): (reply?: DeployReply, failure?: TerminalError) => SentinelResult {
  const { id, at, unrecorded } = item;
  const common = { id, at };
  const [good, bad, gone] =
    direction === "forward"
      ? (["succeeded", "failed", "skipped"] as const)
      : (["reverted", "missed", "gone"] as const);
  return (reply, error) => {
    if (error instanceof TerminalError && error.code === 404) {
      // It cannot be found out any more whether it took the image.
      if (unrecorded) return { ...common, is: "untouched" };
      return { ...common, is: gone, why: "it has no row any more" };
    }
    if (error !== undefined) return { ...common, is: bad, why: `Deploy did not finish: ${error.message}` };
    const took = reply?.duration_ms === undefined ? {} : { durationMs: reply.duration_ms };
    const runs = reply?.rewritten_to === undefined ? {} : { rewrittenTo: reply.rewritten_to };
    // It failed, and that was not recorded: it is left alone, and counts as failed from now on.
    if (reply?.failed_on_image === true && unrecorded && waveOf(at) >= 0)
      return { ...common, unrecorded, is: "failed", why: reply.reason ?? "failed without a reason" };
    if (reply?.untouched === true) return { ...common, is: "untouched" };
    const first = unrecorded && reply !== undefined && hasLooked(reply) ? { unrecorded } : {};
    if (reply?.status === "ready") return { ...common, ...first, is: good, ...took, ...runs };
    const why = reply?.reason ?? "failed without a reason";
    if (direction === "rollback" && reply?.left === true) return { ...common, ...first, is: "moved", why };
    const is = reply?.skipped === true ? gone : bad;
    const away = is === "failed" && reply?.away === true ? { away: true as const } : {};
    return { ...common, ...first, is, why, ...away, ...took, ...runs };
  };
}

/** It has gone by the row: a revert that did not leave the sentinel alone has found that it took the image. */
function hasLooked({ status, left, skipped, duration_ms: ms }: DeployReply): boolean {
  return status === "ready" || left === true || skipped === true || ms !== undefined;
}
