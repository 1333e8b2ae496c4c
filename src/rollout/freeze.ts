import { type ObjectSharedContext, TerminalError } from "@restatedev/restate-sdk";
import type { Answer } from "../domain/answer.ts";
import type { Moment } from "../domain/freeze.ts";
import type { FreezeRequest, FreezeResponse } from "../restate/freeze-schemas.ts";
import { askedBy, oneLine } from "./asked-by.ts";
import { requestChange } from "./request-change.ts";
import { freezeResponse } from "./responses.ts";

/** No rollout begins, or goes on to its next wave, until this has ended; what stops a rollout is never frozen. */
export async function freeze(ctx: ObjectSharedContext, request: FreezeRequest): Promise<FreezeResponse> {
  const { reason, until } = request;
  const answer = await requestChange(ctx, "freeze", {
    type: "freeze",
    id: ctx.request().id,
    reason: oneLine(reason, 500),
    ...(until === undefined ? {} : { until: momentOf(until) }),
    ...askedBy(ctx, request),
  });
  return freezeAnswer(answer);
}

function momentOf(text: string): Moment {
  const moment = new Date(text);
  return { ms: moment.getTime(), iso: moment.toISOString() };
}

export function freezeAnswer({ view }: Answer): FreezeResponse {
  if (view === undefined) throw new TerminalError("the change gave no view");
  return freezeResponse(view);
}

/** The time of a freeze is up: what is stored of it is cleared, and Slack hears of it. */
export async function endFreeze(ctx: ObjectSharedContext, { id }: { id: string }): Promise<void> {
  await requestChange(ctx, "the freeze ends", { type: "freezeEnds", id });
}
