import type { ObjectSharedContext } from "@restatedev/restate-sdk";
import type { Action } from "../domain/action.ts";
import { ACTIONS_KEY, HistoryObject } from "../restate/contract.ts";

/** Sent, not called: a history that cannot be written delays nothing. */
export function tellAction(ctx: ObjectSharedContext, action: Action): void {
  ctx.objectSendClient(HistoryObject, ACTIONS_KEY).RecordAction(action);
}
