import type { LeftBehind } from "./notification.ts";
import { failedInAll, plural } from "./progress.ts";
import type { RolloutState } from "./state.ts";

/** What an operator is to know of them, and what to do; empty where there is nothing. */
export function leftBehindNote({ failed, earlier = 0, holding, serving, byRows }: LeftBehind): string {
  if (failed === 0) return "";
  if (failed === 1) {
    const by = byRows ? ", by its row" : "";
    const it = `The failed sentinel${earlier === 0 ? "" : ` (in ${EARLIER})`}, which RollbackAll leaves alone,`;
    if (holding === 0) return `${it} is not set to the image${by}.`;
    const serves = serving === 0 ? "does not serve it" : "serves it";
    return `${it} is set to the image${by}${by === "" ? "" : ","} and ${serves}: a Rollout of the image that it is to run moves it, or a Deploy to it${orBack(failed, earlier)}.`;
  }
  const by = byRows ? ", by their rows" : "";
  const before = earlier === 0 ? "" : ` (${earlier} of them in ${EARLIER})`;
  const those = `Of the ${plural(failed, "failed sentinel")}${before}, which RollbackAll leaves alone,`;
  if (holding === 0) return `${those} none is set to the image${by}.`;
  const serve = serving === 0 ? "none serves" : serving === 1 ? "1 serves" : `${serving} serve`;
  const are = `${holding} ${holding === 1 ? "is" : "are"} set to the image${by}, and ${serve} it`;
  return `${those} ${are}: a Rollout of the image that they are to run moves them, or a Deploy to each${orBack(failed, earlier)}.`;
}

/** RollbackAll returns no sentinel that failed in an earlier rollout of the image. */
function orBack(failed: number, earlier: number): string {
  return failed > earlier ? "; RollbackAll with include_failed returns those of this rollout" : "";
}

const EARLIER = "an earlier rollout of this image";

/** The ids of the failed sentinels that a rollback leaves alone. Undefined: the head does not name all of them, only the parts do. */
export function namedInHead(rollout: RolloutState): string[] | undefined {
  const { takenOver, retried = 0, failures } = rollout;
  // Then some failures in the head are of sentinels that an earlier rollout deployed, or that may have come up since.
  if (takenOver !== undefined || retried > 0) return undefined;
  return failures.length === failedInAll(rollout) ? failures.map(({ id }) => id) : undefined;
}
