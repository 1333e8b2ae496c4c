import { handlers, type ObjectSharedContext, type Serde } from "@restatedev/restate-sdk";
import { accepted, answerOf, BadRequestError, type Body, bodyOf, shown } from "../restate/body.ts";
import { SINGLETON } from "../restate/contract.ts";
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
import { freeze } from "./freeze.ts";
import { HANDLES_CANCELLATION, type HandlerOptions, NOT_KEPT } from "./handler-options.ts";
import { history } from "./history.ts";
import type { RolloutOptions } from "./options.ts";
import { pause } from "./pause.ts";
import { plan } from "./plan.ts";
import { resume } from "./resume.ts";
import { retryFailed } from "./retry-failed.ts";
import { rollbackAll } from "./rollback-all.ts";
import { rollout } from "./rollout.ts";
import { status } from "./status.ts";
import { unfreeze } from "./unfreeze.ts";

type Shared = ObjectSharedContext;

/** What operators call. */
export function verbs(options: RolloutOptions) {
  return {
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
  };
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
