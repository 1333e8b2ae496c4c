import { stepsBack } from "../../support/row-history.ts";
import type { Sight } from "./sight.ts";

/** n: no row ever goes back to what was meant for it before something newer was written. */
export function rowsNeverGoBack({ rowChanges, meddled }: Pick<Sight, "rowChanges" | "meddled">): string[] {
  return stepsBack(rowChanges.filter(({ id }) => !meddled.has(id))).map((each) => `n: ${each}`);
}
