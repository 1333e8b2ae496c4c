import type { internal, ObjectSharedContext, RestatePromise } from "@restatedev/restate-sdk";
import type { Answer } from "../domain/answer.ts";
import type { Grant } from "../domain/drive-state.ts";
import type { LaneRequest } from "../restate/contract.ts";
import { Lane } from "./lane.ts";
import { requestChange } from "./request-change.ts";

const CANCELLED = "a lane of the drive was cancelled; the Deploys in flight were left to finish";

/**
 * Resolves when this invocation is cancelled from the UI or CLI. Drives and lanes have `explicitCancellation`: their Deploys
 * in flight are left to finish, and what became of them is recorded, before they end.
 */
export function cancellation(ctx: ObjectSharedContext): RestatePromise<void> {
  return (ctx as unknown as internal.ContextInternal).cancellation();
}

/** The handler of a lane that its drive has opened. */
export async function runLane(ctx: ObjectSharedContext, request: LaneRequest): Promise<void> {
  const lane = new Lane(ctx, request);
  lane.expect(cancellation(ctx), () => ({ kind: "cancelled" }));
  let answer: Answer | undefined = await lane.report();
  for (;;) {
    if (answer !== undefined) {
      if (!answer.accepted) return;
      const tells = lane.take(answer);
      if (answer.over && lane.idle) return;
      answer = undefined;
      if (tells) answer = await lane.report();
    } else if (lane.reports) {
      answer = await lane.report();
    } else {
      const arrival = await lane.next();
      if (arrival.kind === "rung") answer = await heard(lane, arrival.grant);
      if (arrival.kind !== "cancelled") continue;
      // As with its drive: nothing more is launched, and what is in flight is left to finish.
      const invocationId = ctx.request().id;
      const { rolloutId } = request;
      await requestChange(ctx, "interrupted", {
        type: "interrupt",
        rolloutId,
        invocationId,
        reason: CANCELLED,
      });
    }
  }
}

/** Takes a grant that came through the bell, and says so: without a new bell nothing could reach this lane any more. */
export async function heard(
  lane: Lane,
  grant: Grant | undefined,
  say: () => Promise<Answer> = () => lane.report(),
): Promise<Answer | undefined> {
  if (grant !== undefined) lane.take({ grant });
  return say();
}
