import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { FreezeResponse, UnfreezeRequest } from "../restate/freeze-schemas.ts";
import { askedBy } from "./asked-by.ts";
import { freezeAnswer } from "./freeze.ts";
import { requestChange } from "./request-change.ts";

/** Ends the freeze. A rollout that it paused stays paused: an operator resumes it. */
export async function unfreeze(ctx: ObjectSharedContext, request: UnfreezeRequest): Promise<FreezeResponse> {
  return freezeAnswer(await requestChange(ctx, "unfreeze", { type: "unfreeze", ...askedBy(ctx, request) }));
}
