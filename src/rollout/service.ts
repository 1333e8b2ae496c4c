import {
  handlers,
  type ObjectContext,
  type ObjectSharedContext,
  object,
  type Serde,
} from "@restatedev/restate-sdk";
import type { Event } from "../domain/event.ts";
import type { LegacyEvent } from "../domain/legacy-drive.ts";
import { UnreadableError } from "../domain/readable.ts";
import type { Clusters } from "../kubernetes/clusters.ts";
import type { SentinelStore } from "../mysql/sentinels.ts";
import type { Admin } from "../restate/admin.ts";
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
import { HistoryRequest, HistoryResponse } from "../restate/history-schemas.ts";
import {
  EmptyRequest,
  PlanResponse,
  RollbackResponse,
  RolloutRequest,
  RolloutResponse,
  StatusResponse,
} from "../restate/schemas.ts";
import { cancel } from "./cancel.ts";
import { type ChangeOptions, change } from "./change.ts";
import type { DriveOptions } from "./drive.ts";
import { selectSentinels } from "./fleet.ts";
import { type HistoryReader, pastRollouts } from "./history.ts";
import { runLane } from "./lane.ts";
import { launches } from "./launches.ts";
import { countLeftBehind } from "./left-behind.ts";
import { legacyTransition } from "./legacy.ts";
import { loadParts } from "./load.ts";
import { planResponse } from "./plan.ts";
import { resume } from "./resume.ts";
import { rollbackAll } from "./rollback-all.ts";
import { rollout } from "./rollout.ts";
import { look } from "./state.ts";
import { status } from "./status.ts";
import { watch } from "./watchdog.ts";

export interface RolloutOptions extends DriveOptions, ChangeOptions {
  store: Pick<SentinelStore, "candidatePages" | "read">;
  clusters: Pick<Clusters, "forRegion" | "health">;
  history: HistoryReader;
  /** Restate's admin API, where it is configured. */
  admin: Admin | undefined;
  /** How long a Deploy may take. */
  deployTimeoutMs: number;
}

type Shared = ObjectSharedContext;

/**
 * `hydra.v1.SentinelRolloutService`, keyed `singleton`. What operators call is shared and holds no lock, so that nothing
 * ever waits for a rollout that runs; every change of the state is a short exclusive `Change`. Rollout, Resume and
 * RollbackAll drive: they open the waves, and lanes that launch the Deploys and report to `Change`, which decides what is
 * launched next. `Watch` notices when a drive was killed or does not get on; `Load` reads a large fleet in parts;
 * `Launches` tells a Deploy that comes late whether it still is to be.
 */
export function createRolloutService(options: RolloutOptions) {
  const { store, history, countBytes } = options;
  const DRIVER = { explicitCancellation: true };
  // Who watches asks again and again: nothing of it stays among the invocations.
  const NOT_KEPT = { journalRetention: 0 };
  return object({
    name: RolloutObject.name,
    description: "Rolls a new image over all running sentinels, wave by wave. The only key is `singleton`.",
    handlers: {
      Rollout: operation(
        "Starts a rollout; answers when it is completed, paused or cancelled.",
        bodyOf(RolloutRequest),
        answerOf(RolloutResponse),
        (ctx, request) => rollout(ctx, request, options),
        DRIVER,
      ),
      Resume: operation(
        "Goes on after the failed wave; failed sentinels are not retried. Answers like Rollout.",
        bodyOf(EmptyRequest),
        answerOf(RolloutResponse),
        (ctx) => resume(ctx, options),
        DRIVER,
      ),
      Cancel: operation(
        "Stops here and keeps the new image wherever it came up. Answers at once.",
        bodyOf(EmptyRequest),
        answerOf(RolloutResponse),
        (ctx) => cancel(ctx, options),
      ),
      RollbackAll: operation(
        "Returns every sentinel that took the new image to its previous one; answers when that is done.",
        bodyOf(EmptyRequest),
        answerOf(RollbackResponse),
        (ctx) => rollbackAll(ctx, options),
        DRIVER,
      ),
      Status: operation(
        "Tells where the rollout stands. Changes nothing.",
        bodyOf(EmptyRequest),
        answerOf(StatusResponse),
        (ctx) => status(ctx, options),
        NOT_KEPT,
      ),
      Plan: operation(
        "Tells which waves a Rollout would run now. Changes nothing.",
        bodyOf(RolloutRequest),
        answerOf(PlanResponse),
        async (ctx, request) => {
          const earlier = await readableNow(ctx, countBytes);
          return planResponse(await selectSentinels(ctx, store, request, await ctx.date.now()), earlier);
        },
        { ...DRIVER, ...NOT_KEPT },
      ),
      History: operation(
        "Tells how past rollouts went. Changes nothing.",
        bodyOf(HistoryRequest),
        answerOf(HistoryResponse),
        (ctx, request) => pastRollouts(ctx, history, request),
        NOT_KEPT,
      ),
      Change: handlers.object.exclusive(
        {
          description: "Changes the rollout's state; called by the other handlers only.",
          ingressPrivate: true,
          ...NOT_KEPT,
        },
        (ctx: ObjectContext, event: Event) => change(ctx, event, options),
      ),
      Transition: handlers.object.exclusive(
        {
          description: "Takes the reports of drives that version 0.1 began; called by them only.",
          ingressPrivate: true,
          ...NOT_KEPT,
        },
        (ctx: ObjectContext, event: LegacyEvent) => legacyTransition(ctx, event, options),
      ),
      Lane: handlers.object.shared(
        {
          description: "Launches some of a wave's Deploys and reports on them; called by the drive only.",
          ingressPrivate: true,
          ...DRIVER,
        },
        (ctx: Shared, request: LaneRequest) => runLane(ctx, request),
      ),
      Launches: handlers.object.shared(
        {
          description: "Tells a Deploy of an old grant whether that still holds; called by Deploys only.",
          ingressPrivate: true,
          ...NOT_KEPT,
        },
        (ctx: Shared, request: LaunchesRequest) => launches(ctx, request, countBytes),
      ),
      LeftBehind: handlers.object.shared(
        {
          description: "Counts what became of those that failed; called by others only.",
          ingressPrivate: true,
          ...NOT_KEPT,
        },
        (ctx: Shared, request: LeftBehindRequest) => countLeftBehind(ctx, request, options),
      ),
      Load: handlers.object.shared(
        {
          description: "Reads the next parts of a large fleet; called by the drive only.",
          ingressPrivate: true,
          ...NOT_KEPT,
        },
        (ctx: Shared, request: { rolloutId: string }) => loadParts(ctx, request, options),
      ),
      Watch: handlers.object.shared(
        {
          description: "Waits for the end of a driving invocation; called by the other handlers only.",
          ingressPrivate: true,
          explicitCancellation: true,
          ...NOT_KEPT,
          // Once it has ended, however it did, asking for it again begins a new one.
          idempotencyRetention: 0,
        },
        (ctx: Shared, drive: { invocationId: string }) => watch(ctx, drive, options),
      ),
    },
    options: { asTerminalError, retryPolicy: RETRY_POLICY, enableLazyState: true },
  });
}

/** The present rollout; one that nobody can read is no reason not to plan. */
async function readableNow(ctx: Shared, countBytes: ChangeOptions["countBytes"]) {
  try {
    return (await look(ctx, countBytes)).rollout;
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

/** A public handler: checks the key and the body before anything else. */
function operation<I, O>(
  description: string,
  input: Serde<Body<I>>,
  output: Serde<O>,
  run: (ctx: Shared, request: I) => Promise<O>,
  extra: { explicitCancellation?: boolean; journalRetention?: number } = {},
) {
  return handlers.object.shared(
    { description: `${description} The key is \`${SINGLETON}\`.`, accept: "*/*", input, output, ...extra },
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
