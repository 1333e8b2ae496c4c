import { object } from "@restatedev/restate-sdk";
import { RETRY_POLICY, RolloutObject } from "../restate/contract.ts";
import { asTerminalError } from "../restate/errors.ts";
import { hiddenHandlers } from "./hidden-handlers.ts";
import type { RolloutOptions } from "./options.ts";
import { verbs } from "./verbs.ts";

/**
 * `hydra.v1.SentinelRolloutService`: one virtual object, whose only key is `singleton`. There is one rollout at a time.
 *
 * Operators call the verbs (verbs.ts). Each is in the file of its name. They are shared handlers and hold no lock, so no call
 * waits for a running rollout. Other handlers call the rest (hidden-handlers.ts), which the ingress does not offer:
 *
 *   Change       the only writer of the state: exclusive, short, without I/O (change.ts, decided by src/domain)
 *   EndFreeze    ends a freeze whose time is up
 *   Lane         launches Deploys that Change has granted, and reports their results to it
 *   Load         reads a large fleet into the state, part by part
 *   Watch        the watchdog of a drive: notices that it was killed, is paused or does not get on
 *   WatchHealth  watches those that took the image, where the rollout asks for a soak
 *   EndSoak      looks at all of them once more when a soak is over
 *   OnFailure    rolls back by itself, where the rollout asks for that
 *   Launches     tells a Deploy that comes late whether its rollout still wants it
 *   LeftBehind   counts what became of the failed sentinels
 *   Transition   takes the reports of drives that version 0.1 began
 *
 * Rollout, Resume, RetryFailed, RollbackAll and Abort drive (drive.ts): they open a wave, are a lane themselves, and open further lanes.
 *
 * A service that dies loses nothing: Restate runs its invocations again, elsewhere or later. An invocation that is cancelled
 * or killed in Restate is another matter. A cancelled drive launches nothing more, lets its Deploys finish, and leaves the
 * rollout paused. A killed drive runs no code: its watchdog, or the next verb or Status, finds that its driver is gone, and
 * Change pauses the rollout. A Change that is killed between two writes leaves a state that the next Change mends. Cancel
 * stops the launching wherever the drive is.
 */
export function createRolloutService(options: RolloutOptions) {
  return object({
    name: RolloutObject.name,
    description: "Rolls a new image over all running sentinels, wave by wave. The only key is `singleton`.",
    handlers: { ...verbs(options), ...hiddenHandlers(options) },
    options: { asTerminalError, retryPolicy: RETRY_POLICY, enableLazyState: true },
  });
}
