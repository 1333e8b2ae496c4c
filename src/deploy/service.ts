import { handlers, type ObjectContext, type ObjectSharedContext, object, rpc } from "@restatedev/restate-sdk";
import { accepted, answerOf, type Body, bodyOf } from "../restate/body.ts";
import {
  HEAL_HEADER,
  RETRY_POLICY,
  SETTLE_HEADER,
  SentinelObject,
  type SettleRequest,
} from "../restate/contract.ts";
import { DeployRequest, DeployResponse, NotifyReadyRequest } from "../restate/deploy-schemas.ts";
import { asTerminalError } from "../restate/errors.ts";
import { deploy } from "./deploy.ts";
import { heal } from "./heal.ts";
import type { DeployOptions } from "./job.ts";
import { AWAKEABLE_KEY } from "./wait.ts";

/**
 * Settle runs once for a row. If that Settle is killed, another may start after this time (ms). While one runs or is queued,
 * no other starts.
 */
const SETTLE_AGAIN_MS = 120_000;

/**
 * `hydra.v1.SentinelService`: one virtual object for each sentinel, keyed by its id. At most one Deploy of a sentinel runs at
 * a time; others wait in Restate's queue.
 *
 *   Deploy        brings the sentinel to an image and waits until it came up: remember → row → patch → wait → settle
 *                 (deploy.ts). Operators and the lanes of a rollout call it; with the header of a rollout's rollback it
 *                 brings the sentinel back (bring-back.ts)
 *   NotifyReady   wakes a Deploy that waits. Anybody may call it, for the Deploy looks for itself; the watcher does, and
 *                 asks by a header of it for one of the two below, which the ingress does not offer
 *   Settle        settles the row of a Deploy that was killed: a Deploy that changes nothing
 *   Heal          settles the row of a sentinel that failed and has come up since; it only looks
 *
 * A kill runs no code. It leaves the row `progressing`, and what the Deploy was asked for in the K/V state. The watcher
 * finds the row and sends Settle; a Deploy of a rollout that was cancelled meanwhile is not gone on with (unfinished.ts). A
 * cancelled Deploy writes `failed` into its row and leaves the Deployment as it is.
 */
export function createSentinelService(options: DeployOptions) {
  return object({
    name: SentinelObject.name,
    description: "Deploys one sentinel: patches its Kubernetes Deployment and waits until it converged.",
    handlers: {
      Deploy: handlers.object.exclusive(
        {
          description:
            "Brings the sentinel to the given values and answers ready or failed. The key is the sentinel's id.",
          accept: "*/*",
          input: bodyOf(DeployRequest),
          output: answerOf(DeployResponse),
        },
        (ctx: ObjectContext, body: Body<DeployRequest>) => deploy(ctx, accepted(body), options),
      ),
      NotifyReady: handlers.object.shared(
        {
          description:
            "Has a waiting Deploy look at its Deployment now; a hint that cannot make it report what is not so.",
          accept: "*/*",
          input: bodyOf(NotifyReadyRequest),
          // The watcher's bearer token comes with it: nothing of it is kept.
          journalRetention: 0,
        },
        async (ctx: ObjectSharedContext, body: Body<NotifyReadyRequest>): Promise<void> => {
          accepted(body);
          const awakeable = await ctx.get<string>(AWAKEABLE_KEY);
          if (awakeable !== null) ctx.resolveAwakeable(awakeable);
          const settle = ctx.request().headers.get(SETTLE_HEADER);
          if (settle !== undefined && /^\d{1,15}$/.test(settle)) {
            ctx
              .objectSendClient(SentinelObject, ctx.key)
              .Settle({ updatedAtMs: Number(settle) }, rpc.sendOpts({ idempotencyKey: settle }));
          }
          const healed = ctx.request().headers.get(HEAL_HEADER);
          if (healed !== undefined) {
            ctx.objectSendClient(SentinelObject, ctx.key).Heal(rpc.sendOpts({ idempotencyKey: healed }));
          }
        },
      ),
      Heal: handlers.object.exclusive(
        {
          description:
            "Settles the row of a sentinel that failed and came up later; called by NotifyReady only.",
          ingressPrivate: true,
          journalRetention: 0,
        },
        (ctx: ObjectContext) => heal(ctx, options),
      ),
      Settle: handlers.object.exclusive(
        {
          description: "Settles the row of a Deploy that was killed, as a Deploy that changes nothing.",
          ingressPrivate: true,
          idempotencyRetention: SETTLE_AGAIN_MS,
        },
        (ctx: ObjectContext, { updatedAtMs }: SettleRequest) => deploy(ctx, {}, options, updatedAtMs),
      ),
    },
    options: {
      asTerminalError,
      retryPolicy: RETRY_POLICY,
      // A Deploy that waits must not hold one of the server's invocation slots: a thousand of them would keep out the
      // NotifyReady calls that wake them.
      inactivityTimeout: 1_000,
    },
  });
}
