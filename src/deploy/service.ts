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
import { type DeployOptions, deploy } from "./deploy.ts";
import { heal } from "./heal.ts";
import { AWAKEABLE_KEY } from "./wait.ts";

/**
 * A row is settled once; should whoever settles it be killed, another follows after this (ms). While it is under way or waits
 * for its turn there is no other.
 */
const SETTLE_AGAIN_MS = 120_000;

/** `hydra.v1.SentinelService`, keyed by the sentinel's id: deploys one sentinel at a time. */
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
