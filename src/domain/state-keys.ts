import type { Place } from "./state.ts";

/** The head: what operators see in the State tab, and all that most questions need. */
export const HEAD_KEY = "rolloutState";
export const DRIVE_KEY = "drive";
export const PLAN_KEY = "plan";
export const TALLIES_KEY = "tallies";
/** Where the parts of wave 0 are, and how far the copying is. */
export const TAKEN_OVER_KEY = "takenOver";
/** What the last rollback came to. */
export const ROLLBACK_KEY = "rollback";
/** What keeps rollouts from going on. It is of the service, and not of one rollout. */
export const FREEZE_KEY = "freeze";
/** Which of the failed an operator has named to be deployed again. */
export const RETRY_KEY = "retry";

export function partKey(at: Place): string {
  const [wave, part] = at.split("/");
  return wave === "0" ? `${TAKEN_OVER}${part}` : `${HEAD_KEY}/wave-${at}`;
}

const TAKEN_OVER = `${HEAD_KEY}/taken-over/`;

/** Is it the key of a part of wave 0? */
export function isPartTakenOver(key: string): boolean {
  return key.startsWith(TAKEN_OVER);
}

export function placeTakenOver(key: string): Place {
  return `0/${key.slice(TAKEN_OVER.length)}`;
}

export function laneKey(lane: number | string): string {
  return `lane/${lane}`;
}

export function launchingKey(at: Place): string {
  return `launching/${at}`;
}
