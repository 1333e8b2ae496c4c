import {
  handlers,
  type ObjectContext,
  type ObjectSharedContext,
  object,
  type Serde,
} from "@restatedev/restate-sdk";
import type { Event } from "../domain/event.ts";
import type { LegacyEvent } from "../domain/legacy-report.ts";
import { accepted, answerOf, BadRequestError, type Body, bodyOf, shown } from "../restate/body.ts";
import {
  type LaneRequest,
  type LaunchesRequest,
  type LeftBehindRequest,
  RETRY_POLICY,
  RolloutObject,
  SINGLETON,
} from "../restate/contract.ts";
import { asTerminalError } from "../restate/errors.ts";
import { FreezeRequest, FreezeResponse, UnfreezeRequest } from "../restate/freeze-schemas.ts";
import { HistoryRequest, HistoryResponse } from "../restate/history-schemas.ts";
import { PlanResponse } from "../restate/plan-schemas.ts";
import { RollbackResponse } from "../restate/rollback-schemas.ts";
import {
  GuardedRequest,
  ResumeRequest,
  RetryRequest,
  RollbackRequest,
  RolloutRequest,
  StatusRequest,
} from "../restate/rollout-requests.ts";
import { RolloutResponse, StatusResponse } from "../restate/rollout-schemas.ts";
import { abort } from "./abort.ts";
import { acting } from "./acting.ts";
import { cancel } from "./cancel.ts";
import { change } from "./change.ts";
import { endFreeze, freeze } from "./freeze.ts";
import { endSoak, watchHealth } from "./health.ts";
import { history } from "./history.ts";
import { runLane } from "./lane.ts";
import { launches } from "./launches.ts";
import { countLeftBehind } from "./left-behind.ts";
import { legacyTransition } from "./legacy.ts";
import { loadParts } from "./load.ts";
import { onFailure } from "./on-failure.ts";
import type { RolloutOptions } from "./options.ts";
import { pause } from "./pause.ts";
import { plan } from "./plan.ts";
import { resume } from "./resume.ts";
import { retryFailed } from "./retry-failed.ts";
import { rollbackAll } from "./rollback-all.ts";
import { rollout } from "./rollout.ts";
import { status } from "./status.ts";
import { unfreeze } from "./unfreeze.ts";
import { watch } from "./watchdog.ts";

type Shared = ObjectSharedContext;

/**
 * `hydra.v1.SentinelRolloutService`: one virtual object, whose only key is `singleton`. There is one rollout at a time.
 *
 * Operators call Rollout, Resume, Cancel, RollbackAll, Status, Plan and History. Each is in the file of its name. They are
 * shared handlers and hold no lock, so no call waits for a running rollout. Other handlers call the rest, which the ingress
 * does not offer:
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
 * rollout paused. A killed drive runs no code: its watchdog, or the next verb or Status, finds that nobody drives, and Change
 * pauses the rollout. A Change that is killed between two writes leaves a state that the next Change mends. Cancel stops the
 * launching wherever the drive is.
 */
export function createRolloutService(options: RolloutOptions) {
  const { countBytes } = options;
  return object({
    name: RolloutObject.name,
    description: "Rolls a new image over all running sentinels, wave by wave. The only key is `singleton`.",
    handlers: {
      Rollout: verb({
        does: "Starts a rollout; answers when it is completed, paused or cancelled.",
        takes: RolloutRequest,
        answers: RolloutResponse,
        run: acting("Rollout", rollout, options),
        ...HANDLES_CANCELLATION,
      }),
      Resume: verb({
        does: "Goes on after the failed wave; failed sentinels are not retried. Answers like Rollout.",
        takes: ResumeRequest,
        answers: RolloutResponse,
        run: acting("Resume", resume, options),
        ...HANDLES_CANCELLATION,
      }),
      Cancel: verb({
        does: "Stops here and keeps the new image wherever it came up. Answers at once.",
        takes: GuardedRequest,
        answers: RolloutResponse,
        run: acting("Cancel", cancel, options),
      }),
      RollbackAll: verb({
        does: "Returns every sentinel that took the new image to its previous one; answers when that is done.",
        takes: RollbackRequest,
        answers: RollbackResponse,
        run: acting("RollbackAll", rollbackAll, options),
        ...HANDLES_CANCELLATION,
      }),
      Pause: verb({
        does: "Launches nothing more, and pauses once what is in flight has settled. Answers at once.",
        takes: GuardedRequest,
        answers: RolloutResponse,
        run: acting("Pause", pause, options),
      }),
      Abort: verb({
        does: "Stops, and returns every sentinel that took the new image to its previous one, in one call.",
        takes: RollbackRequest,
        answers: RollbackResponse,
        run: acting("Abort", abort, options),
        ...HANDLES_CANCELLATION,
      }),
      RetryFailed: verb({
        does: "Deploys the failed sentinels of a paused rollout again, then pauses it again, or goes on. Answers like Resume.",
        takes: RetryRequest,
        answers: RolloutResponse,
        run: acting("RetryFailed", retryFailed, options),
        ...HANDLES_CANCELLATION,
      }),
      Freeze: verb({
        does: "Lets no rollout begin, resume, or go on to its next wave, until Unfreeze or a moment. Stops nothing in mid-wave.",
        takes: FreezeRequest,
        answers: FreezeResponse,
        run: acting("Freeze", freeze, options),
      }),
      Unfreeze: verb({
        does: "Ends the freeze; a paused rollout stays paused. Where nothing is frozen it changes nothing.",
        takes: UnfreezeRequest,
        answers: FreezeResponse,
        run: acting("Unfreeze", unfreeze, options),
      }),
      Status: verb({
        does: "Tells where the rollout stands. Changes nothing.",
        takes: StatusRequest,
        answers: StatusResponse,
        run: (ctx, request) => status(ctx, request, options),
        ...NOT_KEPT,
      }),
      Plan: verb({
        does: "Tells which waves a Rollout would run now. Changes nothing.",
        takes: RolloutRequest,
        answers: PlanResponse,
        run: (ctx, request) => plan(ctx, request, options),
        ...HANDLES_CANCELLATION,
        ...NOT_KEPT,
      }),
      History: verb({
        does: "Tells how past rollouts went. Changes nothing.",
        takes: HistoryRequest,
        answers: HistoryResponse,
        run: (ctx, request) => history(ctx, request, options),
        ...NOT_KEPT,
      }),
      Change: handlers.object.exclusive(
        hidden("Changes the rollout's state; called by the other handlers only.", NOT_KEPT),
        (ctx: ObjectContext, event: Event) => change(ctx, event, options),
      ),
      Transition: handlers.object.exclusive(
        hidden("Takes the reports of drives that version 0.1 began; called by them only.", NOT_KEPT),
        (ctx: ObjectContext, event: LegacyEvent) => legacyTransition(ctx, event, options),
      ),
      EndFreeze: handlers.object.shared(
        hidden("Ends a freeze whose time is up; called by Change only, when it is.", NOT_KEPT),
        (ctx: Shared, request: { id: string }) => endFreeze(ctx, request),
      ),
      EndSoak: handlers.object.shared(
        hidden("Ends a soak whose time is up; called by Change only, when it is.", {
          ...NOT_KEPT,
          // One that was killed must not answer the watchdog's request for another one.
          idempotencyRetention: 0,
        }),
        (ctx: Shared, request: { rolloutId: string; untilMs: number }) => endSoak(ctx, request, options),
      ),
      WatchHealth: handlers.object.shared(
        hidden("Watches those that took the image; called by the other handlers only.", {
          ...NOT_KEPT,
          idempotencyRetention: 0,
        }),
        (ctx: Shared, request: { rolloutId: string }) => watchHealth(ctx, request, options),
      ),
      OnFailure: handlers.object.shared(
        hidden("Rolls back a pause whose rollout asks for it; called by Change only.", HANDLES_CANCELLATION),
        (ctx: Shared, request: { rolloutId: string; pausedMs: number }) => onFailure(ctx, request, options),
      ),
      Lane: handlers.object.shared(
        hidden(
          "Launches some of a wave's Deploys and reports on them; called by the drive only.",
          HANDLES_CANCELLATION,
        ),
        (ctx: Shared, request: LaneRequest) => runLane(ctx, request),
      ),
      Launches: handlers.object.shared(
        hidden("Tells a Deploy of an old grant whether that still holds; called by Deploys only.", NOT_KEPT),
        (ctx: Shared, request: LaunchesRequest) => launches(ctx, request, countBytes),
      ),
      LeftBehind: handlers.object.shared(
        hidden("Counts what became of those that failed; called by others only.", NOT_KEPT),
        (ctx: Shared, request: LeftBehindRequest) => countLeftBehind(ctx, request, options),
      ),
      Load: handlers.object.shared(
        hidden("Reads the next parts of a large fleet; called by the drive only.", NOT_KEPT),
        (ctx: Shared, request: { rolloutId: string }) => loadParts(ctx, request, options),
      ),
      Watch: handlers.object.shared(
        hidden("Waits for the end of a driving invocation; called by the other handlers only.", {
          ...HANDLES_CANCELLATION,
          ...NOT_KEPT,
          // A watchdog that has ended must not answer the request for a new one.
          idempotencyRetention: 0,
        }),
        (ctx: Shared, drive: { invocationId: string }) => watch(ctx, drive, options),
      ),
    },
    options: { asTerminalError, retryPolicy: RETRY_POLICY, enableLazyState: true },
  });
}

/** A cancellation of the invocation is for the handler to act on: its Deploys in flight are left to finish. */
const HANDLES_CANCELLATION = { explicitCancellation: true };

/** Asked again and again, and of no interest later: it leaves the list of invocations when it is done. */
const NOT_KEPT = { journalRetention: 0 };

interface HandlerOptions {
  explicitCancellation?: boolean;
  journalRetention?: number;
  idempotencyRetention?: number;
}

function hidden<O extends HandlerOptions>(description: string, options: O) {
  return { description, ingressPrivate: true, ...options };
}

interface Verb<I, O> extends HandlerOptions {
  /** For the playground. */
  does: string;
  takes: Parameters<typeof bodyOf<I>>[0];
  answers: Parameters<typeof answerOf<O>>[0];
  run: (ctx: Shared, request: I) => Promise<O>;
}

/** A handler for operators: it checks the key and the body before anything else. */
function verb<I, O>({ does, takes, answers, run, ...options }: Verb<I, O>) {
  const input: Serde<Body<I>> = bodyOf(takes);
  const output: Serde<O> = answerOf(answers);
  return handlers.object.shared(
    { description: `${does} The key is \`${SINGLETON}\`.`, accept: "*/*", input, output, ...options },
    async (ctx: Shared, body: Body<I>): Promise<O> => {
      if (ctx.key !== SINGLETON) {
        throw new BadRequestError(
          `The key must be ${SINGLETON}, got ${shown(ctx.key)}: there is one rollout at a time.`,
        );
      }
      return run(ctx, accepted(body));
    },
  );
}
