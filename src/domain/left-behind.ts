import { plural } from "./progress.ts";

/** Of the sentinels that failed in a rollout, which a rollback leaves alone, as their rows are now. */
export interface LeftBehind {
  failed: number;
  /** Of them those that failed in an earlier rollout of the image, and have no result in this one. Absent: none. */
  earlier?: number;
  /** Set to the rollout's image: whoever heals comes up with it. */
  holding: number;
  /** Run it, and are healthy. */
  serving: number;
}

/** What an operator is to know of them, and what to do; empty where there is nothing. */
export function leftBehindNote({ failed, earlier = 0, holding, serving }: LeftBehind): string {
  if (failed === 0) return "";
  if (failed === 1) {
    const it = `The failed sentinel${earlier === 0 ? "" : ` (in ${EARLIER})`}, which RollbackAll leaves alone,`;
    if (holding === 0) return `${it} is not set to the image, by its row.`;
    const serves = serving === 0 ? "does not serve it" : "serves it";
    return `${it} is set to the image, by its row, and ${serves}: a Rollout of the image that it is to run moves it, or a Deploy to it.`;
  }
  const before = earlier === 0 ? "" : ` (${earlier} of them in ${EARLIER})`;
  const those = `Of the ${plural(failed, "failed sentinel")}${before}, which RollbackAll leaves alone,`;
  if (holding === 0) return `${those} none is set to the image, by their rows.`;
  const serve = serving === 0 ? "none serves" : serving === 1 ? "1 serves" : `${serving} serve`;
  const are = `${holding} ${holding === 1 ? "is" : "are"} set to the image, by their rows, and ${serve} it`;
  return `${those} ${are}: a Rollout of the image that they are to run moves them, or a Deploy to each.`;
}

const EARLIER = "an earlier rollout of this image";
