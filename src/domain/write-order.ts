import type { Write } from "./book.ts";
import type { Event } from "./event.ts";
import { isFormer } from "./former.ts";
import {
  DRIVE_KEY,
  FREEZE_KEY,
  HEAD_KEY,
  isPartTakenOver,
  laneKey,
  TAKEN_OVER_KEY,
  TALLIES_KEY,
} from "./state-keys.ts";
import type { Turn } from "./turn.ts";

/** In which order a change stores what it decides, lowest first: it may be killed between any two writes. */
export function rankOf({ begun, rollout }: Turn, { type }: Event): (write: Write) => number {
  if (type === "begin") return rollout?.takenOver === undefined ? rankInBeginning : rankTakingOver;
  return begun ? rankLater : rankForgetting;
}

/** A rollout that begins is told by its head; once its drive is there, all of it is, and nothing of an earlier one. */
function rankInBeginning(write: Write): number {
  if (write.key === HEAD_KEY) return 0;
  if ("clear" in write) return 1;
  return write.key === DRIVE_KEY ? 3 : 2;
}

/** The same for a rollout that takes over. If it is cut short, what it takes over is whole: as copied, or where the tallies say. */
function rankTakingOver(write: Write): number {
  if (write.key === HEAD_KEY) return 0;
  if (write.key === DRIVE_KEY) return 6;
  if ("clear" in write) return 5;
  if (isPartTakenOver(write.key)) return 4;
  if (write.key === TAKEN_OVER_KEY) return 3;
  return write.key === TALLIES_KEY ? 2 : 1;
}

/**
 * What was reported stays in its lane's book until it is in the parts and in the head; and the drive comes last, so that
 * the state names a driver until everything else is written.
 */
function rankLater(write: Write): number {
  // Once it is there, the drive says that it may be.
  if (write.key === FREEZE_KEY) return 5;
  if ("clear" in write) return 4;
  if (write.key === DRIVE_KEY || isFormer(write.key)) return 3;
  if (write.key.startsWith(laneKey(""))) return 2;
  return write.key === HEAD_KEY ? 1 : 0;
}

/** A rollout that was cut short as it began is over only once nothing lies beside its head that could be taken for its own. */
function rankForgetting(write: Write): number {
  if ("clear" in write) return 0;
  if (write.key === DRIVE_KEY) return 5;
  if (write.key === HEAD_KEY) return 4;
  return write.key === TAKEN_OVER_KEY ? 3 : write.key === TALLIES_KEY ? 2 : 1;
}
