import type { Asked, Event } from "./event.ts";
import { stopHere, strandedDrive } from "./forward.ts";
import { assertMeant } from "./guard.ts";
import { forgetAll } from "./interruption.ts";
import { pause, stayPaused } from "./pause.ts";
import type { Turn } from "./turn.ts";

/** An operator has it paused: nothing more is launched, and it is paused once what is in flight has settled. */
export function pauseAsked(turn: Turn, event: Event & { type: "pause" }): void {
  const before = assertMeant("Pause", turn.rollout, event);
  if (before.state === "paused") {
    // Otherwise it was asked again, or too late: it is as they want it.
    if (before.rollsBack) stayPaused(turn, askedBy(event));
    return;
  }
  turn.drive ??= strandedDrive(before);
  // Nothing of it was launched.
  if (!turn.begun) {
    stopHere(turn, event);
    forgetAll(turn);
    return;
  }
  const { forward } = turn.driving().drive;
  if (forward === undefined) pause(turn, "operator", askedBy(event));
  else if (forward.stopping === undefined) {
    Object.assign(forward, { stopping: askedBy(event), stoppingKind: "operator" });
  } else Object.assign(forward, { attended: true, asked: forward.asked ?? askedBy(event) });
}

function askedBy({ operator = "an operator", comment }: Asked): string {
  return `${operator} paused it${comment === undefined ? "" : `: ${comment}`}`;
}
