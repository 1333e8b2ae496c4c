import {
  CancelledError,
  type ObjectSharedContext,
  RestatePromise,
  rpc,
  TerminalError,
} from "@restatedev/restate-sdk";
import type { Answer } from "../domain/answer.ts";
import type { Event, Report } from "../domain/event.ts";
import { RolloutObject } from "../restate/contract.ts";

/** A report that was not taken is sent again after AGAIN_MS (ms), at most ATTEMPTS times. */
const AGAIN_MS = 1_000;
const ATTEMPTS = 300;

/** Asks for a change of the rollout; `name` is what the operator reads in the journal. */
export function requestChange(ctx: ObjectSharedContext, name: string, event: Event): RestatePromise<Answer> {
  return ctx.objectClient(RolloutObject, ctx.key).Change(event, rpc.opts({ name }));
}

function nameOf({ results, opens }: Report): string {
  if (opens !== undefined) return "open";
  return results.length === 0 ? "report" : `report ${results.length}`;
}

/** Something that is answered at once, also while a report waits for its turn. */
export interface Stop {
  cancelled: RestatePromise<unknown>;
  now(): void;
}

/**
 * Sends a report until it is taken, so that neither a killed change nor a state that was edited and cannot be read loses
 * results.
 */
export async function reportUntilTaken(
  ctx: ObjectSharedContext,
  event: Report,
  stop?: Stop,
): Promise<Answer> {
  const name = nameOf(event);
  for (let attempt = 1; ; attempt++) {
    try {
      const call = requestChange(ctx, name, event);
      if (stop !== undefined && (await isFirst(stop.cancelled, call))) stop.now();
      return await call;
    } catch (error) {
      const final = !(error instanceof TerminalError) || error instanceof CancelledError;
      if (final || attempt >= ATTEMPTS) throw error;
      await ctx.sleep(AGAIN_MS, "report again");
    }
  }
}

function isFirst(one: RestatePromise<unknown>, other: RestatePromise<unknown>): Promise<boolean> {
  return RestatePromise.race([one.map(() => true), other.map(() => false)]);
}
