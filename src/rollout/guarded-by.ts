import type { Guarded } from "../domain/guard.ts";
import type { GuardedRequest } from "../restate/rollout-requests.ts";

/** What the body guards the verb with. Without any of it the events stay what they are in the journals of running drives. */
export function guardedBy({ rollout_id, wave }: GuardedRequest): Guarded {
  if (rollout_id === undefined && wave === undefined) return {};
  return {
    seen: {
      ...(rollout_id === undefined ? {} : { rolloutId: rollout_id }),
      ...(wave === undefined ? {} : { wave }),
    },
  };
}
