import type { RolloutResponse } from "../restate/rollout-schemas.ts";
import { isFatal, mayFail, type SentinelFault } from "./faults.ts";

/**
 * What is not as it was told to be, in one sentence; undefined when all is. A rollout stops at the first wave with a
 * failure: later ones are not reached. A fault that heals, or comes late, may let its sentinel fail and need not.
 * @param ids of the whole fleet, in order
 * @param sizes of the waves, which take the ids in that order
 */
export function unexpected(
  { state, wave, failed, failures }: Pick<RolloutResponse, "state" | "wave" | "failed" | "failures">,
  faults: readonly SentinelFault[],
  ids: readonly string[],
  sizes: readonly number[],
): string | undefined {
  const reached = ids.slice(
    0,
    sizes.slice(0, wave).reduce((sum, size) => sum + size, 0),
  );
  const having = (matches: typeof isFatal) =>
    reached.filter((id) => faults.some(({ sentinelId, fault }) => sentinelId === id && matches(fault)));
  const [certain, possible] = [having(isFatal), having(mayFail)];
  const named = failures.map(({ sentinel_id }) => sentinel_id);
  const should = certain.length > 0 || (failed > 0 && possible.length > 0) ? "paused" : "completed";
  if (state !== should) return `expected the rollout to end ${should}, it ended ${state}`;
  // Of very many only some are named.
  const hasAll = failed > named.length ? failed >= certain.length : certain.every((id) => named.includes(id));
  if (hasAll && failed <= possible.length && named.every((id) => possible.includes(id))) return undefined;
  return `expected ${certain.join(", ") || "no sentinel"} to fail, not ${failed}: ${named.join(", ")}`;
}
