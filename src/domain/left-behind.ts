import { plural } from "./progress.ts";

/** Of the sentinels that failed in a rollout, which a rollback leaves alone, as their rows are now. */
export interface LeftBehind {
  failed: number;
  /** Set to the rollout's image: whoever heals comes up with it. */
  holding: number;
  /** Run it, and are healthy. */
  serving: number;
}

/** What an operator is to know of them, and what to do; empty where there is nothing. */
export function leftBehindNote({ failed, holding, serving }: LeftBehind): string {
  if (failed === 0) return "";
  const those = `${plural(failed, "failed sentinel")}, which RollbackAll leaves alone`;
  if (holding === 0) return `Of the ${those}, none is set to the image.`;
  const are = `${holding} ${holding === 1 ? "is" : "are"} set to the image, and ${serving} ${serving === 1 ? "serves" : "serve"} it`;
  return `Of the ${those}, ${are}: a Rollout of the image that they are to run moves them, or a Deploy to each.`;
}
