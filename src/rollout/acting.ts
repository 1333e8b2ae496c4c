import { type ObjectSharedContext, TerminalError } from "@restatedev/restate-sdk";
import type { Action } from "../domain/action.ts";
import { UnreadableError } from "../domain/readable.ts";
import type { RolloutState, Verb } from "../domain/state.ts";
import { asTerminalError } from "../restate/errors.ts";
import { askedBy } from "./asked-by.ts";
import type { RolloutOptions } from "./options.ts";
import { readHead } from "./state.ts";
import { tellAction } from "./tell-action.ts";

type Run<I, O> = (ctx: ObjectSharedContext, request: I, options: RolloutOptions) => Promise<O>;

/**
 * Wraps a verb that changes something, and records refused calls too. The change that takes a call records it before it
 * answers. The first record counts, so a later error is not recorded as a refusal.
 */
export function acting<I extends { comment?: string | undefined }, O>(
  verb: Verb,
  run: Run<I, O>,
  options: RolloutOptions,
): (ctx: ObjectSharedContext, request: I) => Promise<O> {
  return async (ctx, request) => {
    try {
      return await run(ctx, request, options);
    } catch (error) {
      const refusal = error instanceof TerminalError ? error : asTerminalError(error);
      // Anything else is tried again.
      if (refusal === undefined) throw error;
      const rollout = await present(ctx, options);
      tellAction(ctx, {
        ...(await actionNow(ctx, verb, request)),
        ...(rollout === "unreadable" ? {} : ofState(rollout)),
        refused: refusal.message,
      });
      throw error;
    }
  };
}

/** A verb that is taken, and changes nothing: no change tells of it. */
export async function tellNothingChanged(
  ctx: ObjectSharedContext,
  verb: Verb,
  request: { comment?: string | undefined },
  rollout: RolloutState | undefined,
): Promise<void> {
  const seen = ofState(rollout);
  tellAction(ctx, { ...(await actionNow(ctx, verb, request)), ...seen, to: seen.from });
}

async function actionNow(
  ctx: ObjectSharedContext,
  verb: Verb,
  request: { comment?: string | undefined },
): Promise<Action> {
  const atMs = await ctx.date.now();
  const { invocationId: _, ...asked } = askedBy(ctx, request);
  return { ...asked, id: ctx.request().id, verb, atMs };
}

function ofState(rollout: RolloutState | undefined) {
  const about = rollout === undefined ? {} : { rolloutId: rollout.rolloutId };
  return { ...about, from: rollout?.state ?? ("idle" as const) };
}

async function present(
  ctx: ObjectSharedContext,
  { countBytes }: RolloutOptions,
): Promise<RolloutState | undefined | "unreadable"> {
  try {
    return (await readHead(ctx, countBytes)).rollout;
  } catch (error) {
    if (error instanceof UnreadableError) return "unreadable";
    throw error;
  }
}
