import type { Guarded } from "../domain/guard.ts";
import type { GuardedRequest } from "../restate/rollout-requests.ts";
import type { Sight } from "./state.ts";

/** What the body guards the verb with. */
export function guardedBy({ rollout_id, wave }: GuardedRequest): Guarded {
  if (rollout_id === undefined && wave === undefined) return {};
  return {
    seen: {
      ...(rollout_id === undefined ? {} : { rolloutId: rollout_id }),
      ...(wave === undefined ? {} : { wave }),
    },
  };
}

/** Between a verb's look and its change another rollout may begin: the verb is about the one that it saw. */
export function boundTo(guarded: Guarded, { rollout }: Sight): Guarded {
  return rollout === undefined ? guarded : { ...guarded, found: rollout.rolloutId };
}
