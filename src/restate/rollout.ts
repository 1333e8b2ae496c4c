import {
  handlers,
  type ObjectContext,
  type ObjectSharedContext,
  object,
  type Serde,
} from "@restatedev/restate-sdk";
import { assertLegal } from "../domain/legality.ts";
import type { Event } from "../domain/state.ts";
import { viewOfNothing } from "../domain/view.ts";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { Logger } from "../log.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import { accepted, answerOf, BadRequestError, type Body, bodyOf, shown } from "./body.ts";
import { report, unlessCancelled } from "./driver.ts";
import { asTerminalError } from "./errors.ts";
import { driveForward } from "./forward.ts";
import { HistoryRequest, HistoryResponse } from "./history-schemas.ts";
import { RETRY_POLICY, RolloutObject, SINGLETON, STARTED_BY_HEADER } from "./names.ts";
import { type HistoryReader, pastRollouts } from "./past-rollouts.ts";
import { planResponse, planRollout, type RolloutPlan, requireWork } from "./plan.ts";
import { rollbackResponse, rolloutResponse, statusResponse } from "./responses.ts";
import { driveRollback } from "./rollback.ts";
import {
  EmptyRequest,
  PlanResponse,
  RollbackResponse,
  RolloutRequest,
  RolloutResponse,
  StatusResponse,
} from "./schemas.ts";
import { askForMachine, readRollout, transition } from "./transition.ts";
import { watch, watchAgain, watchThese } from "./watchdog.ts";

export interface RolloutOptions {
  store: Pick<SentinelStore, "candidates" | "images">;
  clusters: Pick<Clusters, "health">;
  history: HistoryReader;
  logger: Logger;
  /** Most Deploys of one rollout in flight at a time. */
  maxInFlight: number;
}

type Shared = ObjectSharedContext;

/**
 * `hydra.v1.SentinelRolloutService`, keyed `singleton`. What operators call is shared and holds no lock, so that nothing
 * ever waits for a rollout that runs; every change of the state is a short exclusive transition.
 */
export function createRolloutService(options: RolloutOptions) {
  const { store, clusters, history, logger, maxInFlight } = options;

  async function rollout(ctx: Shared, request: RolloutRequest): Promise<RolloutResponse> {
    assertLegal("Rollout", await readRollout(ctx));
    const rolloutId = ctx.rand.uuidv4();
    const selected = await select(ctx, request);
    requireWork(selected);
    const { fleet, leftOut: _, ...plan } = selected;
    if (fleet === 0) return rolloutResponse(viewOfNothing(request.image));
    const begin = (drive: { invocationId: string; signal: string }): Event & { type: "begin" } => ({
      type: "begin",
      drive,
      rolloutId,
      ...startedBy(ctx),
      ...plan,
    });
    return rolloutResponse(await driveForward(ctx, { logger, maxInFlight }, "rollout", begin));
  }

  async function resume(ctx: Shared): Promise<RolloutResponse> {
    assertLegal("Resume", await readRollout(ctx));
    const resumed = await driveForward(ctx, { logger, maxInFlight }, "resume", (drive) => ({
      type: "resume",
      drive,
    }));
    return rolloutResponse(resumed);
  }

  async function cancel(ctx: Shared): Promise<RolloutResponse> {
    // An operator waits: the transition, which refuses what is not legal, has begun when the rest is seen to.
    const cancelled = report(ctx, "cancel", { type: "cancel" });
    await watchAgain(ctx);
    return rolloutResponse((await cancelled).view);
  }

  async function rollbackAll(ctx: Shared): Promise<RollbackResponse> {
    assertLegal("RollbackAll", await readRollout(ctx));
    return rollbackResponse(await driveRollback(ctx, { images: store.images, maxInFlight }));
  }

  async function plan(ctx: Shared, request: RolloutRequest): Promise<PlanResponse> {
    return planResponse(await select(ctx, request));
  }

  async function status(ctx: Shared): Promise<StatusResponse> {
    const answer = askForMachine(ctx);
    const look = ctx.run("look at the clusters", () => ({ health: clusters.health(), nowMs: Date.now() }));
    const machine = await answer();
    const { health, nowMs } = await look;
    watchThese(ctx, machine, nowMs);
    return statusResponse(machine, nowMs, maxInFlight, health);
  }

  function select(ctx: Shared, request: RolloutRequest): Promise<RolloutPlan> {
    return unlessCancelled(
      ctx,
      ctx.run("select the sentinels", () => planRollout(store, request)),
    );
  }

  const DRIVER = { explicitCancellation: true };
  // Whoever watches asks again and again: nothing of it stays among the invocations.
  const READ_ONLY = { journalRetention: 0 };
  // The state comes with the request: what answers at once does not ask for it first.
  const QUICK = { enableLazyState: false };
  return object({
    name: RolloutObject.name,
    description: "Rolls a new image over all running sentinels, wave by wave. The only key is `singleton`.",
    handlers: {
      Rollout: operation(
        "Starts a rollout; answers when it is completed, paused or cancelled.",
        bodyOf(RolloutRequest),
        answerOf(RolloutResponse),
        rollout,
        DRIVER,
      ),
      Resume: operation(
        "Goes on after the failed wave; failed sentinels are not retried. Answers like Rollout.",
        bodyOf(EmptyRequest),
        answerOf(RolloutResponse),
        resume,
        DRIVER,
      ),
      Cancel: operation(
        "Stops here and keeps the new image wherever it came up. Answers at once.",
        bodyOf(EmptyRequest),
        answerOf(RolloutResponse),
        cancel,
        { watches: false },
      ),
      RollbackAll: operation(
        "Returns every sentinel that took the new image to its previous one; answers when that is done.",
        bodyOf(EmptyRequest),
        answerOf(RollbackResponse),
        rollbackAll,
        DRIVER,
      ),
      Status: operation(
        "Tells where the rollout stands. Changes nothing.",
        bodyOf(EmptyRequest),
        answerOf(StatusResponse),
        status,
        { ...READ_ONLY, ...QUICK, watches: false },
      ),
      Plan: operation(
        "Tells which waves a Rollout would run now. Changes nothing.",
        bodyOf(RolloutRequest),
        answerOf(PlanResponse),
        plan,
        { ...DRIVER, ...READ_ONLY },
      ),
      History: operation(
        "Tells how past rollouts went. Changes nothing.",
        bodyOf(HistoryRequest),
        answerOf(HistoryResponse),
        (ctx, request) => pastRollouts(ctx, history, request),
        READ_ONLY,
      ),
      Transition: handlers.object.exclusive(
        {
          description: "Changes the rollout's state; called by the other handlers only.",
          ingressPrivate: true,
        },
        (ctx: ObjectContext, event: Event) => transition(ctx, event),
      ),
      Watch: handlers.object.shared(
        {
          description: "Waits for the end of a driving invocation; called by the other handlers only.",
          ingressPrivate: true,
          explicitCancellation: true,
        },
        (ctx: ObjectSharedContext, drive: { invocationId: string }) => watch(ctx, drive.invocationId),
      ),
    },
    options: { asTerminalError, retryPolicy: RETRY_POLICY, enableLazyState: false },
  });
}

/** Who the caller says it is: one line, short. */
function startedBy(ctx: Shared): { startedBy?: string } {
  const said = ctx.request().headers.get(STARTED_BY_HEADER) ?? "";
  const line = said
    .replaceAll(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, 200)
    .toWellFormed();
  return line === "" ? {} : { startedBy: line };
}

/** A public handler: checks the key and the body before anything else. */
function operation<I, O>(
  description: string,
  input: Serde<Body<I>>,
  output: Serde<O>,
  run: (ctx: Shared, request: I) => Promise<O>,
  {
    watches = true,
    ...extra
  }: {
    explicitCancellation?: boolean;
    journalRetention?: number;
    enableLazyState?: boolean;
    /** False: the handler itself has the drives watched anew. */
    watches?: boolean;
  } = {},
) {
  return handlers.object.shared(
    {
      description: `${description} The key is \`${SINGLETON}\`.`,
      accept: "*/*",
      input,
      output,
      enableLazyState: true,
      ...extra,
    },
    async (ctx: ObjectSharedContext, body: Body<I>): Promise<O> => {
      if (ctx.key !== SINGLETON) {
        throw new BadRequestError(
          `The key must be ${SINGLETON}, got ${shown(ctx.key)}: there is one rollout at a time.`,
        );
      }
      const request = accepted(body);
      if (watches) await watchAgain(ctx);
      return run(ctx, request);
    },
  );
}
