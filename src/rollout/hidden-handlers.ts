import { handlers, type ObjectContext, type ObjectSharedContext } from "@restatedev/restate-sdk";
import type { Event } from "../domain/event.ts";
import type { LegacyEvent } from "../domain/legacy-report.ts";
import type { LaneRequest, LaunchesRequest, LeftBehindRequest, WatchRequest } from "../restate/contract.ts";
import { change } from "./change.ts";
import { endFreeze } from "./freeze.ts";
import { HANDLES_CANCELLATION, type HandlerOptions, NOT_KEPT } from "./handler-options.ts";
import { endSoak, watchHealth } from "./health.ts";
import { launches } from "./launches.ts";
import { countLeftBehind } from "./left-behind.ts";
import { legacyTransition } from "./legacy.ts";
import { loadParts } from "./load.ts";
import { onFailure } from "./on-failure.ts";
import type { RolloutOptions } from "./options.ts";
import { runLane } from "./run-lane.ts";
import { watch } from "./watchdog.ts";

type Shared = ObjectSharedContext;

/** What only other handlers call. */
export function hiddenHandlers(options: RolloutOptions) {
  return {
    Change: handlers.object.exclusive(
      hidden("Changes the rollout's state; called by the other handlers only.", NOT_KEPT),
      (ctx: ObjectContext, event: Event) => change(ctx, event, options),
    ),
    Transition: handlers.object.exclusive(
      hidden("Takes the reports of drives that version 0.1 began; called by them only.", NOT_KEPT),
      (ctx: ObjectContext, event: LegacyEvent) => legacyTransition(ctx, event, options),
    ),
    EndFreeze: handlers.object.shared(
      hidden("Ends a freeze whose time is up; called by Change only, when it is.", NOT_KEPT),
      (ctx: Shared, request: { id: string }) => endFreeze(ctx, request),
    ),
    EndSoak: handlers.object.shared(
      hidden("Ends a soak whose time is up; called by Change only, when it is.", {
        ...NOT_KEPT,
        // One that was killed must not answer the watchdog's request for another one.
        idempotencyRetention: 0,
      }),
      (ctx: Shared, request: { rolloutId: string; untilMs: number }) => endSoak(ctx, request, options),
    ),
    WatchHealth: handlers.object.shared(
      hidden("Watches those that took the image; called by the other handlers only.", {
        ...NOT_KEPT,
        idempotencyRetention: 0,
      }),
      (ctx: Shared, request: { rolloutId: string }) => watchHealth(ctx, request, options),
    ),
    OnFailure: handlers.object.shared(
      hidden("Rolls back a pause whose rollout asks for it; called by Change only.", HANDLES_CANCELLATION),
      (ctx: Shared, request: { rolloutId: string; pausedMs: number }) => onFailure(ctx, request, options),
    ),
    Lane: handlers.object.shared(
      hidden(
        "Launches some of a wave's Deploys and reports on them; called by the drive only.",
        HANDLES_CANCELLATION,
      ),
      (ctx: Shared, request: LaneRequest) => runLane(ctx, request),
    ),
    Launches: handlers.object.shared(
      hidden("Tells a Deploy of an old grant whether that still holds; called by Deploys only.", NOT_KEPT),
      (ctx: Shared, request: LaunchesRequest) => launches(ctx, request, options.countBytes),
    ),
    LeftBehind: handlers.object.shared(
      hidden("Counts what became of those that failed; called by others only.", NOT_KEPT),
      (ctx: Shared, request: LeftBehindRequest) => countLeftBehind(ctx, request, options),
    ),
    Load: handlers.object.shared(
      hidden("Reads the next parts of a large fleet; called by the drive only.", NOT_KEPT),
      (ctx: Shared, request: { rolloutId: string }) => loadParts(ctx, request, options),
    ),
    Watch: handlers.object.shared(
      hidden("Waits for the end of a driving invocation; called by the other handlers only.", {
        ...HANDLES_CANCELLATION,
        ...NOT_KEPT,
        // A watchdog that has ended must not answer the request for a new one.
        idempotencyRetention: 0,
      }),
      (ctx: Shared, drive: WatchRequest) => watch(ctx, drive, options),
    ),
  };
}

function hidden<O extends HandlerOptions>(description: string, options: O) {
  return { description, ingressPrivate: true, ...options };
}
