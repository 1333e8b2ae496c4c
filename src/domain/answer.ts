import type { Action } from "./action.ts";
import type { Write } from "./book.ts";
import type { Drive, Grant, Item } from "./drive-state.ts";
import { shownFreeze } from "./freeze-look.ts";
import type { FreezeNotification } from "./freeze-notification.ts";
import type { HistoryEntry } from "./history-entry.ts";
import type { LegacyOrder } from "./legacy-report.ts";
import type { Notification } from "./notification.ts";
import type { Failure, Place, RolloutState } from "./state.ts";
import type { Ring, Turn } from "./turn.ts";
import { type View, viewOf } from "./view.ts";

/** What a rollback came to, kept for the call that waits for it. */
export interface RollbackReport {
  invocationId: string;
  reverted: number;
  targets: number;
  /** How many of those that did not revert are no longer running, and how many are on another image since. */
  skipped: number;
  moved: number;
  /** The first few of the others, those on another image included; and of the skipped. */
  failures: Failure[];
  skips: Failure[];
  interruption?: string;
}

/** What a lane holds that does not answer. */
export interface Held {
  lane: number;
  items: Item[];
  /** Of the rollout. */
  image: string;
  /** Since when (unix ms) its Deploys can have been launched. */
  sinceMs: number;
}

/** What a drive is to do next. */
export interface DriverOrder {
  /** A wave that is to be begun: 1-based. `retries`: how many failed sentinels are deployed again. */
  wave?: { number: number; of: number; size: number; image: string; load: boolean; retries?: number };
  /** Lanes that are to be opened, by number. */
  open: number[];
  /** The drive is over. */
  done: boolean;
  view: View;
  rollback?: RollbackReport;
}

/** What the caller of a decision is told. */
export interface Answer {
  /** False: it is about a rollout that is over, and changed nothing. */
  accepted: boolean;
  rolloutId: string;
  view?: View;
  lane?: number;
  grant?: Grant;
  /** More is on its way to be launched than may be: the fence will tell. */
  waits?: boolean;
  /** There is nothing more for this lane. */
  over?: boolean;
  /** Where the launching stands. */
  at?: Place;
  /** It is to report again after this time (ms), if nothing else makes it report before. */
  againInMs?: number;
  driver?: DriverOrder;
  /** A part that is not whole yet: it is to be staged again. */
  again?: boolean;
  /** Parts that are still to be copied. */
  left?: number;
  /** For a drive of version 0.1. */
  legacy?: LegacyOrder;
  /** What a lane holds that does not answer. */
  held?: Held[];
}

/** What an event made of the state, and whom to tell. */
export interface Decision {
  answer: Answer;
  writes: Write[];
  /** In the order in which they happened. */
  notifications: Notification[];
  /** Those without a grant come before everything that is written, so that none is lost: a lane that hears one asks. */
  rings: Ring[];
  freezeNotifications: FreezeNotification[];
  /** A freeze that is to end by itself, in `inMs` (ms). */
  ends?: { id: string; inMs: number };
  /** A soak that is to end by itself, in `inMs` (ms). */
  soaks?: { rolloutId: string; untilMs: number; inMs: number };
  /** The pause of that moment (unix ms) goes on to a rollback by itself. */
  rollsBack?: { rolloutId: string; pausedMs: number };
  /** With the number of each change of the rollout. */
  history: { entry: HistoryEntry; revision: number }[];
  /** What an operator has done by it. */
  action?: Omit<Action, "id"> & { id?: string };
  /** An invocation that has just begun to drive, and is to be watched. */
  watch?: string;
  /** As they are then. */
  rollout?: RolloutState;
  drive?: Drive;
}

export function accepted(turn: Turn): Answer {
  return { accepted: true, rolloutId: turn.rollout?.rolloutId ?? "" };
}

export function refused(turn: Turn): Answer {
  return { accepted: false, rolloutId: turn.rollout?.rolloutId ?? "" };
}

export function viewNow(turn: Turn): View {
  return viewOf(turn.rollout, turn.drive, shownFreeze(turn));
}
